package peer

parts := split(trim_prefix(input.path, "/"), "/")

own_tenant if {
	parts[0] == "tenants"
	parts[1] == input.claims.tenant
}

allow if {
	input.method == "GET"
	input.path == "/health"
}

allow if {
	own_tenant
	"admin" in input.claims.roles
}

allow if {
	own_tenant
	parts[2] == "users"
	parts[3] == input.claims.sub
	input.method in {"GET", "PUT"}
}

deny contains sprintf("%s needs the scope write", [input.method]) if {
	input.method != "GET"
	not "write" in input.claims.scopes
}

default effect := "deny"

effect := "allow" if {
	count(deny) == 0
	allow
}

answer := {"effect": effect, "notes": deny}
