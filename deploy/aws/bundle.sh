#!/bin/sh
# Put together what machines on AWS install, without asking any registry themselves:
#   deploy/aws/bundle.sh FOLDER
# makes FOLDER/dml-RELEASE.tar and prints its name and SHA-256. It takes Linux on x86-64, and Python 3.11 with pip and with
# what requirements/build.txt names (PYTHON). The same sources and locks make the same bundle.
set -eu
python=${PYTHON:-python3}
mkdir -p "$1"
folder=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
export SOURCE_DATE_EPOCH=315532800

"$python" -m hatchling build -t wheel -d "$made" >/dev/null 2>&1
"$python" -m pip --disable-pip-version-check download --quiet --require-hashes --only-binary=:all: --no-deps \
    --dest "$made/wheels" -r requirements/run.txt -r requirements/kms.txt
# Amazon Linux 2023 has glibc 2.34.
if find "$made/wheels" -name "*.whl" | grep -E 'manylinux_2_(3[5-9]|[4-9][0-9])' | grep -vE 'manylinux_2_([12][0-9]|3[0-4]|[0-9])_'; then
    echo "These wheels are for a newer system than Amazon Linux 2023." >&2
    exit 1
fi
mkdir "$made/requirements"
cp requirements/run.txt requirements/kms.txt "$made/requirements/"
cp -r deploy/aws/machine "$made/machine"
rm -rf "$made/machine/__pycache__"
# Whom to believe that a database is RDS.
if [ "${RDS_AUTHORITIES:-}" ]; then
    cp "$RDS_AUTHORITIES" "$made/rds.pem"
else
    curl --silent --show-error --fail --output "$made/rds.pem" https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem
fi
release=$("$python" -c 'import tomllib; print(tomllib.load(open("pyproject.toml", "rb"))["project"]["version"])')
tar --create --file "$folder/dml-$release.tar" --directory "$made" --sort=name --mtime="@$SOURCE_DATE_EPOCH" \
    --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX .
echo "$folder/dml-$release.tar $(sha256sum "$folder/dml-$release.tar" | cut -d ' ' -f 1)"
