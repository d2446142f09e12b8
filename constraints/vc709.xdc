# Pins of the VC709 for a design around the IP (AMD UG887): a clock of 200 MHz, the CPU_RESET button.
set_property PACKAGE_PIN H19 [get_ports sysclk_p]
set_property PACKAGE_PIN G18 [get_ports sysclk_n]
set_property IOSTANDARD DIFF_SSTL15 [get_ports {sysclk_p sysclk_n}]
create_clock -period 5.000 -name sysclk [get_ports sysclk_p]

set_property PACKAGE_PIN AV40 [get_ports cpu_reset]
set_property IOSTANDARD LVCMOS18 [get_ports cpu_reset]

# A hand on a button keeps no time: the design synchronizes it.
set_false_path -from [get_ports cpu_reset]

set_property CFGBVS GND [current_design]
set_property CONFIG_VOLTAGE 1.8 [current_design]
