//! Why an approval could not be asked for, answered or used.

use super::approval::ApprovalState;
use crate::store::StoreError;

/// Why an approval could not be asked for, answered or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// The decision demands no approval, or one that nobody may give.
    #[error("the decision names nobody who may approve; name somebody in the rule's `by`")]
    NobodyMayAnswer,
    /// Too many approvals wait.
    #[error("too many approvals are waiting; wait until some are answered")]
    TooMany,
    /// What approvers would be shown is too large.
    #[error("the summary of the request is larger than {0} bytes")]
    TooLarge(usize),
    /// There is no such approval, or the person may not see it.
    #[error("no approval has this id")]
    NotFound,
    /// The person asked for it.
    #[error("nobody may answer an approval that was asked for under their own name")]
    OwnRequest,
    /// The person is not among those who may answer.
    #[error("only the people and groups that the policy names may answer this approval")]
    NotAnApprover,
    /// The person answered already.
    #[error("you have answered this approval already; each person answers once")]
    AlreadyAnswered,
    /// The approval no longer waits for answers.
    #[error("this approval is {}; only a pending one can be answered", .0.name())]
    NotPending(ApprovalState),
    /// The approval is not granted, or no longer.
    #[error("this approval is {}; only a granted one lets a request through", .0.name())]
    NotGranted(ApprovalState),
    /// Answers came in faster than they could be counted.
    #[error("others are answering at the same moment; try again")]
    Contended,
    /// The store failed, so nothing was changed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ApprovalError {
    /// A short word for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NobodyMayAnswer => "approval_impossible",
            Self::TooMany => "approvals_full",
            Self::TooLarge(_) => "approval_too_large",
            Self::NotFound => "approval_not_found",
            Self::OwnRequest => "approval_own_request",
            Self::NotAnApprover => "approval_not_approver",
            Self::AlreadyAnswered => "approval_already_answered",
            Self::NotPending(_) => "approval_not_pending",
            Self::NotGranted(_) => "approval_not_granted",
            Self::Contended => "approval_contended",
            Self::Store(error) => error.code(),
        }
    }
}
