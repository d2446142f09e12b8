# Pins of the ZCU102 for a design around the IP (AMD UG1182): a clock of 125 MHz, the CPU_RESET button.
set_property PACKAGE_PIN G21 [get_ports clk_125mhz_p]
set_property PACKAGE_PIN F21 [get_ports clk_125mhz_n]
set_property IOSTANDARD LVDS_25 [get_ports {clk_125mhz_p clk_125mhz_n}]
create_clock -period 8.000 -name clk_125mhz [get_ports clk_125mhz_p]

set_property PACKAGE_PIN AM13 [get_ports cpu_reset]
set_property IOSTANDARD LVCMOS33 [get_ports cpu_reset]

# A hand on a button keeps no time: the design synchronizes it.
set_false_path -from [get_ports cpu_reset]
