# A memory module breaks, and the processor is nearly as hot as it may be.
plant() {
  memory=/sys/devices/system/edac/mc/mc0
  sensor=/sys/class/hwmon/hwmon0
  mkdir -p "$memory/dimm0" "$sensor"
  echo 'Skylake Socket#0 IMC#0' >"$memory/mc_name"
  echo 4711 >"$memory/ce_count"
  echo 2 >"$memory/ue_count"
  echo 'CPU_SrcID#0_MC#0_Chan#0_DIMM#0' >"$memory/dimm0/dimm_label"
  echo 4711 >"$memory/dimm0/dimm_ce_count"
  echo coretemp >"$sensor/name"
  echo 'Package id 0' >"$sensor/temp1_label"
  echo 98000 >"$sensor/temp1_input"
  echo 100000 >"$sensor/temp1_crit"
  echo 'kernel: EDAC MC0: 1 UE memory read error on CPU_SrcID#0' >/var/log/kernel.log
}
after() {
  grep -q '^VERDICT: mc0 has 2 uncorrected memory errors: data may be wrong; coretemp Package id 0 is too hot (98 °C)$' <<<"$output_look"
  grep -q 'DIMM#0: 4711 corrected errors' <<<"$output_look"
  grep -q 'UE memory read error' <<<"$output_kernel_log"
}
