# Enters a root of its own, without bubblewrap: $1 is an empty folder, $2 the size of /data in bytes, $3 the name.
set -e
mount -t tmpfs -o mode=755,size=256m host "$1"
cd "$1"
mkdir etc data proc dev old
readonly_copy() { mkdir "$1" && mount --rbind "/$1" "$1" && mount -o remount,bind,ro "$1"; }
readonly_copy usr
for folder in bin sbin lib lib32 lib64 libx32; do
  if [ -L "/$folder" ]; then ln -s "$(readlink "/$folder")" "$folder"
  elif [ -d "/$folder" ]; then readonly_copy "$folder"; fi
done
if [ -d /etc/alternatives ]; then readonly_copy etc/alternatives; fi
for device in null zero full random urandom; do : > "dev/$device" && mount --bind "/dev/$device" "dev/$device"; done
ln -s /proc/self/fd dev/fd
mount -t proc proc proc
for part in sys irq bus fs sysrq-trigger; do
  if [ -e "proc/$part" ]; then mount --bind "proc/$part" "proc/$part" && mount -o remount,bind,ro "proc/$part"; fi
done
mount -t tmpfs -o "mode=755,size=$2" data data
hostname "$3" 2> /dev/null || true
ip link set lo up 2> /dev/null || true  # a host can talk to itself, and to nobody else
pivot_root . old
umount -l /old && rmdir /old
cd /
