"""An SMTP server for tests: aiosmtpd, which prints a line of JSON for each mail that it takes.

Recipients say what is to happen: `refused…` are refused for good, `later…` for now at the first attempt, and of mails to
`hang…` the end of DATA is never answered.
"""

import argparse
import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def tell(**event):
    print(json.dumps(event), flush=True)


class Handler:
    def __init__(self):
        self.seen = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return f"550 5.1.1 no mailbox {address}"
        if address.startswith("later") and address not in self.seen:
            self.seen.add(address)
            return f"451 4.7.1 try again, {address}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if envelope.rcpt_tos[0].startswith("hang"):
            tell(event="hangs")
            await asyncio.sleep(3600)
        tell(
            event="mail",
            tls=session.ssl is not None,
            user=session.auth_data.login.decode() if session.authenticated else None,
            sender=envelope.mail_from,
            to=envelope.rcpt_tos,
            content=envelope.content.decode("utf-8", "surrogateescape"),
        )
        return "250 OK"


async def serve():
    options = argparse.ArgumentParser()
    options.add_argument("--certificate")
    options.add_argument("--key")
    options.add_argument("--implicit", action="store_true", help="TLS from the first byte")
    options.add_argument("--user")
    options.add_argument("--password")
    options = options.parse_args()
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate, options.key)

    def check(server, session, envelope, mechanism, data):
        good = (data.login.decode(), data.password.decode()) == (options.user, options.password)
        tell(event="login", tls=session.ssl is not None, good=good)
        return AuthResult(success=good, auth_data=data)

    settings = {
        "hostname": "localhost",
        "enable_SMTPUTF8": True,
        "tls_context": None if options.implicit else context,
        # Without TLS it asks for passwords too, so that a test sees whether they are sent.
        "auth_require_tls": False,
    }
    if options.user:
        settings |= {"authenticator": check, "auth_required": True}
    handler = Handler()
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: SMTP(handler, loop=loop, **settings), "127.0.0.1", 0, ssl=context if options.implicit else None
    )
    tell(event="listening", port=listening.sockets[0].getsockname()[1])
    # Ends with whoever started it.
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


asyncio.run(serve())
