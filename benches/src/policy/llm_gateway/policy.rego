package peer

usable contains model if {
	some group in input.identity.groups
	some model in data.models.by_group[group]
}

deny contains sprintf("%s may not use %s", [input.identity.sub, input.model]) if not input.model in usable

deny contains sprintf("%s is not a server of ours", [tool.server_url]) if {
	some tool in input.tools
	tool.kind == "mcp"
	not tool.server_url in data.models.mcp_servers
}

approve contains "tool with effects" if {
	some tool in input.tools
	tool.kind == "function"
	tool.name in data.models.tools_with_effects
}

masks := {"personal data in prompts", "card numbers in answers"}

default answer := {"effect": "deny", "notes": []}

answer := {"effect": "deny", "notes": deny} if count(deny) > 0
else := {"effect": "approve", "notes": approve | masks} if {
	count(approve) > 0
	input.model in usable
}
else := {"effect": "mask", "notes": masks} if input.model in usable
