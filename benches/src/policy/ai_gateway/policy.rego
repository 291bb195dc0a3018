package peer

models := {"small-1", "small-2", "medium-1", "large-1", "large-2", "ext-alpha", "ext-beta", "code-1"}

premium := {"large-1", "large-2", "ext-alpha"}

free if input.user.tier == "free"

secret if input.classification == "secret"

deny contains sprintf("%s is suspended", [input.user.id]) if input.user.suspended

deny contains sprintf("%s is not offered", [input.model]) if not input.model in models

deny contains "free accounts have no premium models" if {
	free
	input.model in premium
}

deny contains "free accounts have 1024 tokens" if {
	free
	input.max_tokens > 1024
}

deny contains "paid accounts have 8192 tokens" if {
	input.user.tier == "paid"
	input.max_tokens > 8192
}

deny contains sprintf("secrets do not go to %s", [input.region]) if {
	secret
	not input.region in {"eu-1", "eu-2"}
}

deny contains "secrets do not go to models of others" if {
	secret
	startswith(input.model, "ext-")
}

deny contains sprintf("%s writes", [tool.name]) if {
	some tool in input.tools
	tool.writes
	not "operators" in input.user.groups
}

deny contains "only staff run shells" if {
	some tool in input.tools
	tool.kind == "shell"
	input.user.tier != "internal"
}

deny contains "more than 200 messages" if count(input.messages) > 200

deny contains "a message is too long" if {
	some message in input.messages
	message.length > 20000
}

deny contains "only developers write instructions" if {
	some message in input.messages
	message.role == "system"
	not "developers" in input.user.groups
}

default effect := "deny"

effect := "allow" if {
	count(deny) == 0
	"members" in input.user.groups
}

answer := {"effect": effect, "notes": deny}
