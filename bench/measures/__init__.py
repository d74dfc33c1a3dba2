"""The measurements, in the order of the table; one file each."""

from bench.measures.clicks import CLICKS
from bench.measures.full_campaign import FULL_CAMPAIGN
from bench.measures.importing import IMPORTING
from bench.measures.memory import MEMORY
from bench.measures.opt_outs import OPT_OUTS
from bench.measures.order_updates import ORDER_UPDATES
from bench.measures.plain_way import PLAIN_WAY
from bench.measures.preparing import PREPARING
from bench.measures.protocol import PROTOCOL
from bench.values import Measure

MEASURES: tuple[Measure, ...] = (
    FULL_CAMPAIGN,
    PLAIN_WAY,
    CLICKS,
    PREPARING,
    PROTOCOL,
    IMPORTING,
    MEMORY,
    ORDER_UPDATES,
    OPT_OUTS,
)
