# Builds the IP of this folder out of context and reports what it takes and how fast it is.
#
#   vivado -mode batch -source build_ooc.tcl -tclargs PART
#
# Written from AMD UG835 and UG905.

set here [file dirname [file normalize [info script]]]
if {[llength $argv] != 1} {
    error "usage: vivado -mode batch -source build_ooc.tcl -tclargs PART"
}
set part [lindex $argv 0]
set top [file rootname [file tail [lindex [glob -directory $here *_axis.v] 0]]]
set ip [string range $top 0 end-[string length _axis]]
set results [file join $here ooc]
file mkdir $results

read_verilog [lsort [glob -directory $here *.v]]
read_xdc -mode out_of_context [file join $here $ip.xdc]
synth_design -top $top -part $part -mode out_of_context
opt_design
place_design
phys_opt_design
route_design

report_utilization -hierarchical -file [file join $results utilization.txt]
report_timing_summary -file [file join $results timing.txt]
write_checkpoint -force [file join $results $top.dcp]
puts "worst slack [get_property SLACK [get_timing_paths -setup]] ns"
