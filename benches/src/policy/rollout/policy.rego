package peer

deny contains sprintf("%s/%s opens %d", [workload.name, container.name, port.number]) if {
	some workload in input.workloads
	some container in workload.containers
	some port in container.ports
	port.public
	not port.number in {80, 443, 8080, 8443}
}

deny contains sprintf("%s holds %s", [container.name, variable.name]) if {
	some workload in input.workloads
	some container in workload.containers
	some variable in container.env
	not variable.secret
	strings.any_suffix_match(variable.name, ["_TOKEN", "_PASSWORD"])
}

deny contains sprintf("%s takes %d MiB", [container.name, container.memory_mib]) if {
	some workload in input.workloads
	some container in workload.containers
	container.memory_mib > object.get(data.quotas, workload.team, 1000000)
}

default effect := "deny"

effect := "allow" if {
	count(deny) == 0
	every workload in input.workloads { workload.team in input.teams }
}

answer := {"effect": effect, "notes": deny}
