"""A believable company to look at: 5,000 customers, their orders and wishes, three campaigns.

For development only. Every address is at a domain that RFC 2606 keeps free; nothing can arrive.
"""

from mailer.development.demo.seeding import CUSTOMERS, SEED, DemoExists, Progress, is_empty, seed

__all__ = ["CUSTOMERS", "SEED", "DemoExists", "Progress", "is_empty", "seed"]
