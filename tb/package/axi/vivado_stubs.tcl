# Commands of Vivado, as far as our scripts call them: they keep account, and refuse what is wrong.
# `component_pins` and `component_interfaces`, set before, are those of the IP under test.

namespace eval stub {}
set ::stub::log {}
set ::stub::connected {}
set ::stub::properties [dict create]
set ::stub::assigned {}
set ::stub::excluded {}
set ::stub::registers {}
set ::stub::fields {}
set ::stub::cells [dict create]

proc note args { lappend ::stub::log $args }

foreach command {
    update_compile_order update_ip_catalog create_bd_design save_bd_design
    wait_on_run write_hw_platform apply_bd_automation close_project
} {
    proc $command args [format {note %s {*}$args} $command]
}
proc create_project args { note create_project {*}$args }
proc launch_runs args { note launch_runs {*}$args }

proc add_files args {
    note add_files {*}$args
    foreach file [lindex $args end] {
        if {![file exists $file]} { error "add_files: no $file" }
    }
}
foreach command {current_project current_fileset} { proc $command args "return $command" }
proc get_files name { return $name }
proc get_runs name { return $name }
proc get_board_parts pattern {
    return {xilinx.com:zcu102:part0:3.2 xilinx.com:zcu102:part0:3.4 xilinx.com:zcu102:part0:3.10}
}
proc make_wrapper args {
    close [open system_wrapper.v w]
    return system_wrapper.v
}
rename file tcl_file
proc file {what args} {
    if {$what eq "copy"} { return [note file_copy {*}$args] }
    return [tcl_file $what {*}$args]
}

proc set_property args {
    if {[lindex $args 0] eq "-dict"} {
        lassign $args _ pairs object
    } else {
        lassign $args name value object
        set pairs [list $name $value]
    }
    if {$object eq ""} { error "set_property: no object in $args" }
    foreach {name value} $pairs { dict set ::stub::properties $object $name $value }
}
proc get_property {name object} {
    switch $name {
        PROGRESS { return 100% }
        DIRECTORY { return run }
        STATS.WNS { return 0.1 }
        name { return $object }
    }
    return [dict get $::stub::properties $object $name]
}

# The packager.
namespace eval ipx {
    proc package_project args { note package_project {*}$args }
    proc current_core {} { return core }
    proc get_bus_interfaces {name args} {
        if {$name ni {s_axi m_axi aclk aresetn interrupt}} { error "no interface $name" }
        return [expr {$name eq "interrupt" && ![info exists ::stub::inferred] ? "" : "interface/$name"}]
    }
    proc infer_bus_interface {name kind core} { set ::stub::inferred $kind }
    proc add_bus_parameter {name interface} { return $interface/$name }
    proc associate_bus_interfaces args { note associate {*}$args }
    proc add_memory_map args { return map }
    proc get_address_blocks args { return reg0 }
    proc remove_address_block {name map} { note removed $name }
    proc add_address_block {name map} { return block/$name }
    proc add_register {name block} {
        if {$name in $::stub::registers} { error "register $name twice" }
        lappend ::stub::registers $name
        return register/$name
    }
    proc add_field {name register} {
        lappend ::stub::fields $register/$name
        return $register/$name
    }
    foreach command {create_xgui_files update_checksums check_integrity save_core} {
        proc $command core [format {note %s $core} $command]
    }
}

# The block design: cells have pins and interfaces, some of them by configuration.
proc create_bd_cell args {
    array set options [lrange $args 0 end-1]
    dict set ::stub::cells [lindex $args end] $options(-vlnv)
    return [lindex $args end]
}
proc get_bd_cells name {
    dict get $::stub::cells $name
    return $name
}
proc configured {cell name} {
    if {![dict exists $::stub::properties $cell CONFIG.$name]} { return 0 }
    return [dict get $::stub::properties $cell CONFIG.$name]
}
proc pins_of cell {
    switch -glob [dict get $::stub::cells $cell] {
        *zynq_ultra_ps_e {
            set pins {pl_clk0 pl_resetn0}
            if {[configured $cell PSU__USE__IRQ0]} { lappend pins pl_ps_irq0 }
            if {[configured $cell PSU__USE__M_AXI_GP0]} { lappend pins maxihpm0_fpd_aclk }
            if {[configured $cell PSU__USE__M_AXI_GP1]} { lappend pins maxihpm1_fpd_aclk }
            if {[configured $cell PSU__USE__S_AXI_GP0]} { lappend pins saxihpc0_fpd_aclk }
            if {[configured $cell PSU__USE__S_AXI_GP2]} { lappend pins saxihp0_fpd_aclk }
            return $pins
        }
        *proc_sys_reset {
            return {slowest_sync_clk ext_reset_in peripheral_aresetn}
        }
        *smartconnect { return {aclk aresetn} }
        gemmule:* { return $::component_pins }
    }
    error "no pins of $cell"
}
proc interfaces_of cell {
    switch -glob [dict get $::stub::cells $cell] {
        *zynq_ultra_ps_e {
            set found {}
            if {[configured $cell PSU__USE__M_AXI_GP0]} { lappend found M_AXI_HPM0_FPD }
            if {[configured $cell PSU__USE__M_AXI_GP1]} { lappend found M_AXI_HPM1_FPD }
            if {[configured $cell PSU__USE__S_AXI_GP0]} { lappend found S_AXI_HPC0_FPD }
            if {[configured $cell PSU__USE__S_AXI_GP2]} { lappend found S_AXI_HP0_FPD }
            return $found
        }
        *proc_sys_reset { return {} }
        *smartconnect { return {S00_AXI M00_AXI} }
        gemmule:* { return $::component_interfaces }
    }
}
proc get_bd_pins path {
    lassign [split $path /] cell pin
    if {$pin ni [pins_of $cell]} { error "get_bd_pins: no $path, only [pins_of $cell]" }
    return $path
}
proc get_bd_intf_pins path {
    lassign [split $path /] cell pin
    if {$pin ni [interfaces_of $cell]} { error "get_bd_intf_pins: no $path" }
    return $path
}
proc connect_bd_net {from to} {
    if {$to in $::stub::connected} { error "$to is driven twice" }
    lappend ::stub::connected $from $to
    note net $from $to
}
proc connect_bd_intf_net {from to} {
    foreach each [list $from $to] {
        if {$each in $::stub::connected} { error "$each is connected twice" }
        lappend ::stub::connected $each
    }
    note bus $from $to
}
proc get_bd_addr_spaces path { return $path }
proc get_bd_addr_segs pattern {
    set found {}
    foreach each {
        ps/SAXIGP2/HP0_DDR_LOW ps/SAXIGP2/HP0_DDR_HIGH ps/SAXIGP2/HP0_QSPI ps/SAXIGP2/HP0_LPS_OCM
        ps/SAXIGP0/HPC0_DDR_LOW ps/SAXIGP0/HPC0_DDR_HIGH ps/SAXIGP0/HPC0_LPS_OCM
    } {
        if {[string match $pattern $each]} { lappend found $each }
    }
    if {[string match */s_axi/registers $pattern]} { lappend found $pattern }
    if {$found eq ""} { error "no segment $pattern" }
    return $found
}
proc assign_bd_address args { lappend ::stub::assigned $args }
proc exclude_bd_addr_seg args { lappend ::stub::excluded [lindex $args end] }
proc validate_bd_design {} {
    foreach cell [dict keys $::stub::cells] {
        foreach pin [concat [pins_of $cell] [interfaces_of $cell]] {
            if {"$cell/$pin" ni $::stub::connected} { error "$cell/$pin is not connected" }
        }
    }
    note validated
}
