"""The NATS room: one connection, JetStream and buckets over it, the embedded server.

nats-py and the nats-server program are used here and nowhere else; their errors never leave.
"""

from workbench.nats.connection import Connection, Message, Subscription
from workbench.nats.jetstream import JetStream, JsMessage, PullSubscription
from workbench.nats.kv import Bucket, Entry, Watcher
from workbench.nats.server import Server

__all__ = [
    "Bucket",
    "Connection",
    "Entry",
    "JetStream",
    "JsMessage",
    "Message",
    "PullSubscription",
    "Server",
    "Subscription",
    "Watcher",
]
