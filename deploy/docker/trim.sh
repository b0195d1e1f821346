#!/bin/sh
# Take out of an environment what no process of ours reads: 225 of 690 MB. Which files, as of what is locked today:
set -eu
cd "$1"
# Tests of others, and what C programs would be compiled against.
rm -rf pyarrow/tests pyarrow/include pyarrow/src onnx/backend/test Crypto/SelfTest
find numpy -type d -name tests -prune -exec rm -rf {} +
find . -type f \( -name '*.a' -o -name '*.[ch]' -o -name '*.[ch]pp' -o -name '*.pxd' -o -name '*.pyi' -o -name '*.pyx' \) -delete
# Python has its own ONNX Runtime, in one file; the other one is for C. Arrow is here for Parquet alone.
rm -f onnxruntime/capi/libonnxruntime.so.*
rm -f pyarrow/libarrow_flight.so.* pyarrow/libarrow_python_flight.so* pyarrow/_flight.*.so pyarrow/libarrow_s3.so.* pyarrow/_s3fs.*.so
rm -f pyarrow/libarrow_python.so pyarrow/libarrow_python.so.*.*.*
# Of AWS, a key in KMS and how one signs in to use it.
if [ -d botocore/data ]; then
    find botocore/data -mindepth 1 -maxdepth 1 -type d ! -name kms ! -name 'sso*' ! -name sts ! -name signin -exec rm -rf {} +
fi
# What debuggers read.
find . -name '*.cpython-*.so' -exec strip --strip-unneeded {} +
find . -name '*.abi3.so' -exec strip --strip-unneeded {} +
