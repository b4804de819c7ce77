# The memory made no error, and the processor is cool.
plant() {
  memory=/sys/devices/system/edac/mc/mc0
  sensor=/sys/class/hwmon/hwmon0
  mkdir -p "$memory/dimm0" "$sensor"
  echo 'Skylake Socket#0 IMC#0' >"$memory/mc_name"
  echo 0 >"$memory/ce_count"
  echo 0 >"$memory/ue_count"
  echo 'CPU_SrcID#0_MC#0_Chan#0_DIMM#0' >"$memory/dimm0/dimm_label"
  echo 0 >"$memory/dimm0/dimm_ce_count"
  echo coretemp >"$sensor/name"
  echo 'Package id 0' >"$sensor/temp1_label"
  echo 45000 >"$sensor/temp1_input"
  echo 100000 >"$sensor/temp1_crit"
}
after() {
  grep -q '^VERDICT: no memory error was counted, and nothing is too hot$' <<<"$output_look"
  grep -q 'coretemp Package id 0: 45 °C, its limit is 100 °C' <<<"$output_look"
}
