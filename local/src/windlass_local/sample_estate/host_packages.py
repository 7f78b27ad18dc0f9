"""The packages of the sample estate's hosts, by operating system: one a line, name and version (RPM: name, version, release)."""

from __future__ import annotations

__all__ = ["OUTDATED_RPM", "RPM", "UBUNTU_22", "UBUNTU_24"]

RPM = """
amazon-linux-release 2023.6.20241121 0.amzn2023
amazon-ssm-agent 3.3.1611.0 1.amzn2023
audit 3.0.6 1.amzn2023.0.2
bash 5.2.15 1.amzn2023.0.2
bind-utils 9.18.28 1.amzn2023.0.2
ca-certificates 2023.2.68 1.0.amzn2023.0.1
chrony 4.3 1.amzn2023.0.4
cloud-init 22.2.2 1.amzn2023.1.12
coreutils-single 8.32 30.amzn2023.0.3
curl-minimal 8.5.0 1.amzn2023.0.4
dnf 4.14.0 1.amzn2023.0.5
ec2-utils 2.2.0 1.amzn2023.0.1
expat 2.5.0 1.amzn2023.0.4
file 5.39 7.amzn2023.0.4
gawk 5.1.0 3.amzn2023.0.3
glibc 2.34 52.amzn2023.0.11
gnupg2-minimal 2.3.7 1.amzn2023.0.4
grep 3.8 1.amzn2023.0.4
gzip 1.12 1.amzn2023.0.1
java-21-amazon-corretto-headless 21.0.5+11 1.amzn2023.1
jq 1.7.1 48.amzn2023.0.1
kernel 6.1.115 126.197.amzn2023
krb5-libs 1.21 3.amzn2023.0.4
less 608 2.amzn2023.0.1
libcurl-minimal 8.5.0 1.amzn2023.0.4
libxml2 2.10.4 1.amzn2023.0.6
lz4-libs 1.9.4 1.amzn2023.0.2
ncurses 6.2 4.20200222.amzn2023.0.6
nginx 1.26.2 1.amzn2023.0.1
openldap 2.4.57 6.amzn2023.0.6
openssh-server 8.7p1 8.amzn2023.0.13
openssl 3.0.8 1.amzn2023.0.18
openssl-libs 3.0.8 1.amzn2023.0.18
pcre2 10.40 1.amzn2023.0.3
python3 3.9.16 1.amzn2023.0.9
rpm 4.16.1.3 29.amzn2023.0.6
sed 4.8 7.amzn2023.0.2
selinux-policy 38.1.45 3.amzn2023.0.1
sqlite-libs 3.40.0 1.amzn2023.0.4
sudo 1.9.15 1.p5.amzn2023.0.1
systemd 252.23 2.amzn2023
tar 1.34 1.amzn2023.0.4
tzdata 2024a 1.amzn2023.0.1
vim-minimal 9.1.785 1.amzn2023.0.1
xz 5.2.5 9.amzn2023.0.2
zlib 1.2.11 33.amzn2023.0.5
"""
OUTDATED_RPM = {
    "amazon-linux-release": ("2023.0.20230315", "1.amzn2023"),
    "curl-minimal": ("7.88.1", "1.amzn2023.0.1"),
    "kernel": ("6.1.19", "30.43.amzn2023"),
    "openssl": ("3.0.5", "1.amzn2023.0.3"),
    "openssl-libs": ("3.0.5", "1.amzn2023.0.3"),
}
"""What a machine that nobody patched since its launch has instead: version and release."""

UBUNTU_24 = """
amazon-ssm-agent 3.3.1611.0-1
apparmor 4.0.1really4.0.1-0ubuntu0.24.04.3
apt 2.7.14build2
base-files 13ubuntu10.1
bash 5.2.21-2ubuntu4
ca-certificates 20240203
cloud-init 24.4-0ubuntu1~24.04.2
coreutils 9.4-3ubuntu6
cron 3.0pl1-184ubuntu2
curl 8.5.0-2ubuntu10.6
dbus 1.14.10-4ubuntu4.1
dpkg 1.22.6ubuntu6.1
e2fsprogs 1.47.0-2.4~exp1ubuntu4.1
gnupg 2.4.4-2ubuntu17
gzip 1.12-1ubuntu3
iproute2 6.1.0-1ubuntu6
jq 1.7.1-3build1
less 590-2ubuntu2.1
libc6 2.39-0ubuntu8.3
libcurl4t64 8.5.0-2ubuntu10.6
libexpat1 2.6.1-2ubuntu0.2
libssl3t64 3.0.13-0ubuntu3.4
libxml2 2.9.14+dfsg-1.3ubuntu3
linux-image-aws 6.8.0-1021.23
login 4.13+dfsg1-4ubuntu3.2
nginx 1.24.0-2ubuntu7.1
openssh-server 9.6p1-3ubuntu13.5
openssl 3.0.13-0ubuntu3.4
perl-base 5.38.2-3.2build2
python3 3.12.3-0ubuntu2
rsyslog 8.2312.0-3ubuntu9
sed 4.9-2build1
snapd 2.66.1+24.04
sudo 1.9.15p5-3ubuntu5
systemd 255.4-1ubuntu8.4
tar 1.35+dfsg-3build1
tzdata 2024b-0ubuntu0.24.04
ufw 0.36.2-6
vim-tiny 9.1.0016-1ubuntu7.5
zlib1g 1.3.dfsg-3.1ubuntu2.1
"""
UBUNTU_22 = """
amazon-ssm-agent 3.3.1611.0-1
apparmor 3.0.4-2ubuntu2.4
apt 2.4.13
base-files 12ubuntu4.7
bash 5.1-6ubuntu1.1
ca-certificates 20240203~22.04.1
cloud-init 24.4-0ubuntu1~22.04.1
coreutils 8.32-4.1ubuntu1.2
cron 3.0pl1-137ubuntu3
curl 7.81.0-1ubuntu1.20
dbus 1.12.20-2ubuntu4.1
dpkg 1.21.1ubuntu2.3
e2fsprogs 1.46.5-2ubuntu1.2
gnupg 2.2.27-3ubuntu2.1
gzip 1.10-4ubuntu4.1
iproute2 5.15.0-1ubuntu2
jq 1.6-2.1ubuntu3
less 590-1ubuntu0.22.04.3
libc6 2.35-0ubuntu3.8
libcurl4 7.81.0-1ubuntu1.20
libexpat1 2.4.7-1ubuntu0.5
libssl3 3.0.2-0ubuntu1.18
libxml2 2.9.13+dfsg-1ubuntu0.4
linux-image-aws 6.8.0-1021.23~22.04.1
login 4.8.1-2ubuntu2.2
openssh-server 8.9p1-3ubuntu0.10
openssl 3.0.2-0ubuntu1.18
perl-base 5.34.0-3ubuntu1.3
postgresql-client-14 14.15-0ubuntu0.22.04.1
python3 3.10.6-1~22.04.1
rsyslog 8.2112.0-2ubuntu2.2
sed 4.8-1ubuntu2
sudo 1.9.9-1ubuntu2.4
systemd 249.11-0ubuntu3.12
tar 1.34+dfsg-1ubuntu0.1.22.04.2
tzdata 2024a-0ubuntu0.22.04.1
ufw 0.36.1-4ubuntu0.1
vim-tiny 8.2.3995-1ubuntu2.21
zlib1g 1.2.11.dfsg-2ubuntu9.2
"""
