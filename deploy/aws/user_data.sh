#!/bin/bash
# Run once, as root, when a machine starts. What is secret, the machine fetches later, as its role.
set -euo pipefail
trap '/opt/aws/bin/cfn-signal --exit-code $? @SIGNAL@' EXIT
mkdir -p /etc/dml /opt/dml
cat > /etc/dml/machine <<'END'
@FACTS@
END
cat > /etc/dml/environment <<'END'
@SETTINGS@
END
set -a; . /etc/dml/machine; set +a
aws s3 cp --only-show-errors "s3://$ARTIFACTS/releases/$BUNDLE.tar" /opt/dml/bundle.tar
echo "$DIGEST  /opt/dml/bundle.tar" | sha256sum --check --quiet
tar --extract --no-same-owner --file /opt/dml/bundle.tar --directory /opt/dml
/opt/dml/machine/install.sh
