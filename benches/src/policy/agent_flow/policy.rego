package peer

outward := {"send_mail", "post_message", "create_issue"}

acts if {
	some tool in input.tools
	tool.name in outward
}

deny contains sprintf("%d calls within ten minutes", [input.earlier.calls]) if input.earlier.calls >= 60

deny contains sprintf("%d tokens within a day", [input.earlier.tokens]) if input.earlier.tokens >= 2000000

deny contains "nothing leaves after untrusted text" if {
	acts
	input.earlier.untrusted
}

approve contains "mail after the inbox" if {
	acts
	input.earlier.inbox
}

agent if "agents" in input.identity.groups

default answer := {"effect": "deny", "notes": []}

answer := {"effect": "deny", "notes": deny} if count(deny) > 0
else := {"effect": "approve", "notes": approve} if {
	agent
	count(approve) > 0
}
else := {"effect": "allow", "notes": []} if agent
