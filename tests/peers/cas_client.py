"""python-cas as a portal: asks where to log in, validates a ticket, prints what it learned as JSON.

Arguments: server, service, version, ticket (empty: only the address of the login)."""

import json
import sys

from cas import CASClient

server, service, version, ticket = sys.argv[1:5]
client = CASClient(version=version, service_url=service, server_url=server)
if not ticket:
    print(json.dumps({"login": client.get_login_url(), "logout": client.get_logout_url(service)}))
else:
    user, attributes, _ = client.verify_ticket(ticket)
    print(json.dumps({"user": user, "attributes": attributes}, ensure_ascii=False))
