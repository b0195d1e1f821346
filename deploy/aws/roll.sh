#!/bin/sh
# Roll a release out on AWS, and back where it fails:
#   deploy/aws/roll.sh BUNDLE.tar RELEASE PUBLIC_URL SIZE [PARAMETER=VALUE …]
# Parameters are those of the template, as CertificateArn=arn:…: the first time all of them, later what changes. NAME is that
# of settings.toml. CloudFormation migrates, rolls machine by machine, and goes back by itself where one does not serve; here
# comes a look from outside, and the way back where that fails.
set -eu
bundle=$1 release=$2 url=$3 size=$4
shift 4
here=$(dirname "$0")
name=${NAME:-dml}
market=$name-market

output() {
    aws cloudformation describe-stacks --stack-name "$name-foundation" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}
deploy() { # TEMPLATE PARAMETERS…
    template=$1
    shift
    aws cloudformation deploy --stack-name "$market" --template-file "$template" --capabilities CAPABILITY_IAM \
        --s3-bucket "$artifacts" --s3-prefix templates --no-fail-on-empty-changeset --parameter-overrides "$@"
}

artifacts=$(output ArtifactsBucketName)
digest=$(sha256sum "$bundle" | cut -d ' ' -f 1)
called=$release-$(echo "$digest" | cut -c 1-12)
before=$(mktemp)
trap 'rm -f "$before"' EXIT
# What runs now, to come back to: its template, and its release.
if aws cloudformation get-template --stack-name "$market" --output text --query TemplateBody > "$before" 2>/dev/null; then
    old=$(aws cloudformation describe-stacks --stack-name "$market" --output text \
        --query "Stacks[0].Parameters[?ParameterKey=='Bundle'||ParameterKey=='Digest'].[ParameterKey,ParameterValue]" |
        awk '{ print $1 "=" $2 }')
fi
aws s3 cp --only-show-errors "$bundle" "s3://$artifacts/releases/$called.tar"
if ! deploy "$here/templates/$size-market.yaml" "Bundle=$called" "Digest=$digest" "$@"; then
    echo "Release $release was not rolled out: CloudFormation is back at the release before." >&2
    exit 1
fi
if ! python3 "$here/../smoke.py" "$url" "$release" --seconds "${SMOKE_SECONDS:-60}"; then
    if [ -z "${old:-}" ]; then
        echo "It does not serve, and there is no release before." >&2
        exit 1
    fi
    echo "It does not serve: back to the release before." >&2
    # shellcheck disable=SC2086 # two parameters, without spaces in them
    deploy "$before" $old
    exit 1
fi
echo "Release $release serves at $url."
