"""A script that must only look: what is not known to only read is reported, what looks really do is not."""

import pytest

from firstline_cli.lint.scripts import found_in

CHANGES = r"""
find /srv -xdev -type f -mtime +30 -delete
find /srv -xdev -name '*.log' -exec rm {} +
find /srv -xdev -type f -exec truncate -s 0 {} \;
find /srv -type f -exec sh -c 'rm "$1"' _ {} \;
find / -name x -ok rm {} \;
find / -execdir rm {} +
find /srv -type f -fprint /srv/list
find . -print0 | xargs -0 rm
pgrep x | xargs -r kill -9
rsync -a --delete /a/ /srv/b/
rsync -a /a/ /srv/b/
truncate -s 0 /var/log/app.log
: > "$f"
> /srv/app/data
echo x >>/srv/x
echo x >&/srv/x
echo x &>/srv/x
echo x >|/srv/x
echo x >/run/firstline/../../etc/passwd
echo x >"$t/../x"
echo 1 > /proc/sys/vm/drop_caches
exec 3>/srv/x
dd if=/dev/zero of=/srv/app/data bs=1M count=1
dd if=/dev/zero of="$f"
mv "$a" "$b"
mv /srv/x "$t"
cp "$t" /etc/x
install -m 644 a /etc/app.conf
ln -sfn /srv/v1 /srv/current
rm -rf "$t" /srv/x
mkdir /srv/x
chmod 600 /srv/x
sed -i s/a/b/ /etc/app.conf
sed -ni p /etc/app.conf
sed -Ei.bak s/a/b/ x
sed -n 'w /srv/x' a
sed 's/a/b/w /srv/x' a
sed 's/a/b/e' a
sed -e '1e date' a
sed -f /srv/prog.sed a
sort -uo /srv/x x
uniq a /srv/b
awk 'BEGIN { system("rm -rf /srv/x") }'
awk 'BEGIN { print "a" > "/srv/x" }'
awk '{ print $1 >> "/srv/x" }'
awk '{ print | "sh" }'
awk '{ "date" | getline d }'
awk '{ printf "%s", $1 > f }'
awk "{ print > \"$f\" }"
awk -f /srv/prog.awk
gawk -i inplace '{print}' /srv/x
python3 -c 'import os; os.remove("/srv/x")'
python3 /srv/fix.py
perl -i -pe 's/a/b/' /etc/app.conf
ruby -e 'File.delete("/srv/x")'
node -e 'require("fs").unlinkSync("/srv/x")'
php -r 'unlink("/srv/x");'
bash /srv/fix.sh
sh </srv/fix.sh
cat x | sh
bash -c "$x"
sh -c 'rm x'
/srv/fix.sh
"$tool" images
. /srv/env
source "$f"
f() { rm -rf /srv/x; }; f
cat() { rm /srv/x; }; cat
\rm /srv/x
/bin/rm /srv/x
command rm /srv/x
busybox rm /srv/x
env -i A=1 rm x
sudo -u app rm x
timeout 5 nice -n 5 rm x
setsid rm x
nohup rm x
nsenter -t 1 -m rm x
ssh h rm x
watch rm x
systemctl stop app
systemctl --quiet stop app
systemctl disable app
systemctl mask app
systemctl set-property app MemoryMax=1G
systemctl daemon-reload
service app start
/etc/init.d/app stop
supervisorctl restart app
kill "$p"
kill -s TERM 1
kill -0 1; kill 3
fuser -k /srv/x
docker rm x
docker exec x rm -rf /srv
docker --context x start y
docker compose down
kubectl -n x delete pod y
kubectl exec x -- rm -rf /
apt-get remove -y x
apt-get clean
dpkg --configure -a
rpm -e x
pip uninstall -y x
journalctl --vacuum-time=1d
logrotate -f /etc/logrotate.conf
systemd-tmpfiles --clean
curl -sXPOST x
curl -s -XDELETE x
curl --data-binary @x y
curl -so /srv/x y
wget -qO /srv/x y
wget x
tar xf x
gzip /srv/x
ip link delete x
ip -4 addr flush dev x
ss -tK dst 10.0.0.1
conntrack -F
ethtool -G eth0 rx 1
sysctl vm.swappiness=1
sysctl -p
date --set=x
date 112011002026
hostname newname
timedatectl set-ntp off
chronyc makestep
mount -o remount,rw /
umount /srv
swapon /dev/sdb
swapoff -a
crontab /srv/x
smartctl -t long /dev/sda
mdadm --manage /dev/md0 --re-add /dev/sdb
prlimit --pid 1 --nofile=1:1
renice 19 -p 1
ionice -c3 -p 1
dmesg -c
modprobe x
redis-cli -h x flushall
redis-cli del x
mysql -e 'UPDATE x SET a=1'
psql -c 'SELECT 1'
aws s3 cp x y
aws --region x ec2 stop-instances
echo x | tee /srv/app/data
echo x | tee -a "$f"
if rm /srv/x; then :; fi
! rm /srv/x
x=$(rm /srv/x)
echo `rm /srv/x`
diff <(rm /srv/x) y
[[ $(rm /srv/x) ]]
[ -n "$(rm /srv/x)" ]
case $(rm /srv/x) in *) ;; esac
for f in $(rm /srv/x); do :; done
: ${x:=$(rm /srv/x)}
coproc rm /srv/x
trap 'rm -rf /srv/x' EXIT
openssl x509 -in a -out b
xxd -r a /srv/b
""".strip().splitlines()

READS = r"""
awk '$3 > 5 { print $1 }' x
awk '$1 ~ /a|b/ { n++ } END { print n + 0 }' x
awk -F: '{ print ($1 > 3) }' x
awk '{ print "a -> b" }' x
awk '$5 == "x" || $6 > 2 { printf "%s > %s\n", $1, $2 }' x
awk 'NR > 1 && $2 / 4 > 3 { print $1 }'
awk '{ if ($1 > max) max = $1 } END { print max }'
awk '{ print $1; if ($2 > 3) exit }'
sed -n '/^a b/s/x/y/p' x
sed 's/the web /x/' x
sed -e 's/a/b/' -e 's/c/d/g' x
sed 's,/srv/web ,x,' x
sort -rn x | uniq -c | head -5
df -Pk -- "$SSM_mountpoint" | awk 'NR==2 {print $5}'
df >"$t"; rm -f -- "$t"
mkdir -p "$t/x"; rm -rf "$t"
install -d -m 0700 /run/firstline/look
curl -fsS -o /dev/null -w '%{http_code}' localhost
curl -fsS --max-time 3 http://localhost/health | grep -q ok
curl -fsSI localhost
systemctl --no-pager list-units --failed
systemctl is-active --quiet app
docker ps --format '{{.Names}}'
journalctl -u app -n 20 --no-pager
ip -s link show dev eth0
ip -br addr
ss -Htln
find /srv -xdev -type f -size +1M -printf '%s %p\n'
find /srv -name '*.log' -exec ls -l {} +
kill -0 "$pid"
date +%s
date -d '1 hour ago' +%s
date -u +%Y-%m-%dT%H:%M:%SZ
sysctl -n vm.swappiness
du -xh --max-depth=1 /srv
ps -eo pid=,comm=
timeout 5 openssl s_client -connect localhost:443 </dev/null | openssl x509 -noout -enddate
echo problem >&2
ls x 2>/dev/null
bash -c 'uptime'
nginx -t
dnf history list
tar -tf x.tar
mdadm --detail /dev/md0
smartctl -H /dev/sda
swapon --show --noheadings
mount -t tmpfs
kubectl -n x get pods
aws ec2 describe-instances --region x
f() { grep x y; }; f
wget -qO- localhost
[[ $(df x) -gt 3 ]]
""".strip().splitlines()


def reported(script: str) -> set[str]:
    return {danger.id for danger, _ in found_in(f"t=$(mktemp)\n{script}", looks=True)}


@pytest.mark.parametrize("script", CHANGES)
def test_what_is_not_known_to_only_read_is_reported(script: str) -> None:
    assert reported(script)


@pytest.mark.parametrize("script", READS)
def test_what_looks_do_is_not_reported(script: str) -> None:
    assert reported(script) == set()
