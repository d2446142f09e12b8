# Makes a Vivado project of the IP of this folder, to look at it or to put a design around it.
#
#   vivado -mode batch -source build_project.tcl -tclargs PART
#
# Written from AMD UG835.

set here [file dirname [file normalize [info script]]]
if {[llength $argv] != 1} {
    error "usage: vivado -mode batch -source build_project.tcl -tclargs PART"
}
set part [lindex $argv 0]
set top [file rootname [file tail [lindex [glob -directory $here *_axis.v] 0]]]
set ip [string range $top 0 end-[string length _axis]]

create_project -force $ip [file join $here project] -part $part
add_files -norecurse [lsort [glob -directory $here *.v]]
add_files -fileset constrs_1 -norecurse [file join $here $ip.xdc]
set_property USED_IN {synthesis implementation out_of_context} [get_files $ip.xdc]
set_property top $top [current_fileset]
# The IP's ports are no pins: the tool must not place buffers on them.
set_property -name {STEPS.SYNTH_DESIGN.ARGS.MORE OPTIONS} -value {-mode out_of_context} \
    -objects [get_runs synth_1]
launch_runs synth_1
wait_on_run synth_1
