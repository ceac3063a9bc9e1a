"""The floor's server: what a client sends goes to all others, and nowhere else."""

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve

viewers: set[ServerConnection] = set()


async def join(connection: ServerConnection) -> None:
    viewers.add(connection)
    try:
        await connection.send('{"type":"hello"}')
        async for message in connection:
            if '"ack"' not in str(message):
                broadcast(viewers - {connection}, message)
    finally:
        viewers.discard(connection)


async def main(port: int) -> None:
    async with serve(join, "127.0.0.1", port, compression=None) as server:
        await server.serve_forever()


asyncio.run(main(int(sys.argv[1])))
