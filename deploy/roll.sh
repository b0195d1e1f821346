#!/bin/sh
# Roll a release out on Kubernetes, and back where it fails:
#   deploy/roll.sh IMAGE@DIGEST RELEASE PUBLIC_URL [FOLDER]
# FOLDER has a kustomization.yaml: ours, or yours on top of it. First the tables, on which the release before goes on; then
# one kind of process after the other, each instance ready before an old one goes; then a look from outside.
set -eu
image=$1 release=$2 url=$3 folder=${4:-deploy/kubernetes}
here=$(dirname "$0")
rendered=$(mktemp)
trap 'rm -f "$rendered"' EXIT
kubectl kustomize "$folder" | sed "s#^\( *-\{0,1\} *\)image: .*#\1image: $image#" > "$rendered"

kubectl --namespace dml delete job dml-migrate --ignore-not-found --wait
kubectl apply --filename "$rendered" --selector app=dml-migrate
if ! kubectl --namespace dml wait --for=condition=complete --timeout=600s job/dml-migrate; then
    echo "The tables could not be brought up to date: nothing was rolled out." >&2
    kubectl --namespace dml logs job/dml-migrate --tail=20 >&2 || true
    exit 1
fi

go_back() {
    echo "$1: back to the release before." >&2
    for name in $(kubectl --namespace dml get deployments --output name); do
        kubectl --namespace dml rollout undo "$name" >&2 || true
    done
    for name in $(kubectl --namespace dml get deployments --output name); do
        kubectl --namespace dml rollout status "$name" --timeout=300s >&2 || true
    done
    exit 1
}

kubectl apply --filename "$rendered" || go_back "It was not accepted"
for name in $(kubectl --namespace dml get deployments --output name); do
    kubectl --namespace dml rollout status "$name" --timeout=300s || go_back "$name did not get ready"
done
python3 "$here/smoke.py" "$url" "$release" --seconds "${SMOKE_SECONDS:-60}" || go_back "It does not serve"
echo "Release $release serves at $url."
