package peer

known(image) if {
	some prefix in data.registries.allowed
	startswith(image, prefix)
}

deny contains sprintf("%s runs %s", [container.name, container.image]) if {
	some container in input.spec.containers
	not known(container.image)
}

default effect := "allow"

effect := "deny" if count(deny) > 0

answer := {"effect": effect, "notes": deny}
