"""The one room that knows all rooms; it wires them, starts what runs beside requests, and stops it in order."""

import asyncio
import logging
import ssl
import time
from pathlib import Path

from litestar import Litestar

from gateway.api.application import application
from gateway.api.rooms import ApiRooms
from gateway.documents import Document, load_struct, parse
from gateway.flow.answer import Answers
from gateway.flow.attempt import Rooms
from gateway.observe.bus import Bus
from gateway.observe.journal import Journal
from gateway.observe.metrics import Metrics
from gateway.providers.vendors import VENDORS
from gateway.routing.compile import check_policy, compile_plan
from gateway.routing.document import Policy
from gateway.routing.plan import Plan
from gateway.settings import Settings
from gateway.state.readings import Readings
from gateway.transport import Origin, Transport, TransportLimits
from gateway.values.deployment import Catalogue
from gateway.values.problem import InvalidDocument
from gateway.values.records import AttemptFinished, AttemptStarted, DecisionMade, RequestFinished, RequestRejected
from gateway.watch.embedded import EmbeddedModels
from gateway.watch.probes import Probes
