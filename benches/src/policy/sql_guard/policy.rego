package peer

dba if "dba" in input.groups

allow if {
	input.kind == "select"
	count(input.tables) > 0
	every table in input.tables { table in data.tables.readable }
}

allow if dba

deny contains "the statement could not be taken apart" if input.parsed == false

deny contains sprintf("%s without WHERE changes every row", [input.kind]) if {
	input.kind in {"update", "delete"}
	not input.has_where
}

deny contains sprintf("%s is never read", [column]) if {
	some column in data.tables.secret_columns
	contains(lower(input.text), column)
}

deny contains "comment tricks" if regex.match(`/\*!|--\s*$`, input.text)

deny contains "server files" if regex.match(`(?i)\b(pg_read_file|lo_import|load_file|into\s+(out|dump)file)\b`, input.text)

approve contains "production writes" if {
	input.environment == "prod"
	input.kind in {"insert", "update", "delete", "ddl"}
}

masks contains "cards"

masks contains "e-mail" if not dba

default answer := {"effect": "deny", "notes": []}

answer := {"effect": "deny", "notes": deny} if count(deny) > 0
else := {"effect": "approve", "notes": approve | masks} if {
	allow
	count(approve) > 0
}
else := {"effect": "mask", "notes": masks} if allow
