# METADATA
# title: Ports
# custom:
#   owner: net
package net.ports
import rego.v1
import data.net["allow-list"] as listed

# METADATA
# scope: rule
default allow := false
allow if {
	some port in input.ports # each
	port.number in listed; port.protocol == "tcp"
} else := false if { count(input.ports)==0 }
deny contains msg if { some i, port in input.ports; port.number < 1024; msg := sprintf("port %d at %d", [port.number,i]) }
names := {name | some {"name": name} in input.users}
f(x) := y if y := x[_].z
a.b[c].d := 1 if some c in ["x","y"]
