"""What schemathesis cannot know: how to log in, what there is, and what no schema can say of a request."""

import json
import os
import urllib.request
import uuid

import schemathesis

API = os.environ["API_URL"] + "/api/v1"
LOGIN = {"email": "conformance@example.com", "password": os.environ["ADMIN_PASSWORD"]}


def call(path, token=None, body=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(API + path, body and json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["data"]


def login():
    return call("/auth/login", body=LOGIN)["token"]


@schemathesis.auth(refresh_interval=None)
class Login:
    """Logs in anew for each request: some of them end the session that they are sent in."""

    def get(self, case, context):
        return login()

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Of every two identifiers one is of something that there is."""
    given = path_parameters and path_parameters.get("id")
    try:
        wanted = given and uuid.UUID(given).int % 2 == 0
    except ValueError:
        wanted = False
    resource = next((name for name in ("products", "orders", "users") if f"/{name}/" in context.operation.path), None)
    if wanted and resource:
        things = [thing["id"] for thing in call(f"/{resource}?limit=2", login())]
        # Not the admin, who was there first.
        if len(things) > 1:
            return {**path_parameters, "id": things[0]}
    return path_parameters


def texts(value):
    """Every text and every number within a body, with its name."""
    for name, inside in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(inside, (dict, list)):
            yield from texts(inside)
        else:
            yield name, inside


@schemathesis.hook
def filter_case(context, case):
    """Leaves out what no schema can say, or says otherwise than the contract."""
    query = case.query if isinstance(case.query, dict) else {}
    # An empty parameter is as good as none; a list is read by pages or by cursor, and nobody can make one up.
    if any(value == "" for name, value in query.items() if name != "cursor"):
        return False
    if query.get("cursor") or {"page", "cursor"} <= query.keys():
        return False
    # A key sorts once.
    keys = [key.strip("-") for key in str(query.get("sort", "")).split(",")]
    if len(keys) != len(set(keys)):
        return False
    # A range begins before it ends; of moments whole months are compared, for they may be of any zone.
    if {"from", "to"} <= query.keys() and str(query["from"])[:7] >= str(query["to"])[:7]:
        return False
    if {"minPrice", "maxPrice"} <= query.keys() and str(query["minPrice"]).zfill(25) > str(query["maxPrice"]).zfill(25):
        return False
    # Whoever changes their own address or password must know the one they have.
    path = case.path_parameters or {}
    if path.get("id") == ADMIN and isinstance(case.body, dict) and {"email", "password"} & case.body.keys():
        return False
    for name, value in texts(case.body) if isinstance(case.body, (dict, list)) else ():
        # The white space around a text is taken off before it is looked at.
        if isinstance(value, str) and value != value.strip():
            return False
        # bcrypt counts bytes.
        if name == "password" and isinstance(value, str) and len(value.encode(errors="replace")) > 72:
            return False
    return True


def stock_and_orders():
    """There are a few orders, and somebody beside the admin."""
    user = {"name": "Ada", "email": "ada@conformance.example.com", "password": LOGIN["password"]}
    call("/users", body=user)
    token = login()
    for product in call("/products?limit=20", token):
        call("/orders", token, {"items": [{"productId": product["id"], "quantity": 1}]})


stock_and_orders()
ADMIN = call("/users/me", login())["id"]
