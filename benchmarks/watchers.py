"""Many who watch one job, in a process of their own.

    python -m benchmarks.watchers PORT JOB TOKEN NUMBER

It prints a line when all are connected, and at the end of its input how many bytes they heard.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def watching(port: int, job_id: object, token: str, number: int) -> Iterator[None]:
    """Let so many watch a job while the block runs. An error where they heard nothing."""
    command = (sys.executable, "-m", "benchmarks.watchers", str(port), str(job_id), token)
    process = subprocess.Popen(
        (*command, str(number)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    if process.stdout.readline() != "watching\n":
        raise RuntimeError("the watchers could not connect")
    yield
    heard, _ = process.communicate("")
    if int(heard) < number * 1_000:
        raise RuntimeError(f"{number} watchers heard {heard.strip()} bytes")


async def main(port: int, job_id: str, token: str, number: int) -> None:
    request = (
        f"GET /v1/jobs/{job_id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()
    streams = []
    for _ in range(number):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        if b" 200 " not in await reader.readline():
            return
        streams.append((reader, writer))
    heard = [0] * number

    async def listen(n: int, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65_536):
            heard[n] += len(data)

    tasks = [asyncio.create_task(listen(n, reader)) for n, (reader, _) in enumerate(streams)]
    print("watching", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    print(sum(heard), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
