package peer

default answer := false

answer if {
	some role in data.roles.members[input.user]
	some grant in data.roles.grants[role]
	grant.action == input.action
	grant.resource == input.resource
}
