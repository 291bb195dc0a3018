
default effect := "deny"

effect := "allow" if {
	count(deny) == 0
	every table in input.tables { table in tables }
}

answer := {"effect": effect, "notes": deny}
