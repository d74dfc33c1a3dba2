"""HOW CUSTOMERS ARRIVE: files of the shop's and of fairs, checked row by row, none lost."""

from mailer.intake import _tables  # noqa: F401 - registers the tables
from mailer.intake._runs import ImportTaken
from mailer.intake.importing import ImportOptions, ImportReport, Progress, import_customers
from mailer.intake.records import FileUnreadable, measure
from mailer.intake.rows import Rejected
from mailer.intake.sources import SOURCES, SourceRefused, check_source

__all__ = [
    "SOURCES",
    "FileUnreadable",
    "ImportOptions",
    "ImportReport",
    "ImportTaken",
    "Progress",
    "Rejected",
    "SourceRefused",
    "check_source",
    "import_customers",
    "measure",
]
