package peer

owner := input.path_segments[2] if {
	input.path_segments[0] == "v1"
	input.path_segments[1] == "accounts"
}

own if owner == input.identity.sub

allow if {
	input.method == "GET"
	input.path == "/v1/health"
}

allow if own

allow if {
	"support" in input.identity.groups
	owner
	input.method in {"GET", "HEAD"}
}

default plan := "free"

plan := "paid" if input.identity.claims.plan == "paid"

limit := data.plans[plan].bytes_max

deny contains sprintf("%d bytes are more than the plan's %d", [input.body_size, limit]) if input.body_size > limit

deny contains "from outside" if not net.cidr_contains("10.0.0.0/8", input.client.ip)

masks contains "card numbers"

masks contains "contact" if not own

default answer := {"effect": "deny", "notes": []}

answer := {"effect": "deny", "notes": deny} if count(deny) > 0
else := {"effect": "mask", "notes": masks} if allow
