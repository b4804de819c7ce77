# The kernel mounted /data read-only after errors of its disk.
mounts() {
  mount -o remount,bind,ro /data
  echo 'kernel: EXT4-fs error (device nvme1n1): ext4_journal_check_start: Detected aborted journal' >/var/log/kernel.log
  echo 'kernel: EXT4-fs (nvme1n1): Remounting filesystem read-only' >>/var/log/kernel.log
}
after() {
  grep -q '^VERDICT: /data is read-only now' <<<"$output_look"
  grep -q 'Detected aborted journal' <<<"$output_kernel_log"
  [ -z "$(ls -A /data)" ]
}
