"""The vendors' interfaces as local servers, with their real limits and faults, around one generated company.

Marketo 1 and 2, Salesforce CRM 1 and 2 and LinkedIn hold Bodea's story and a believable background. A
server's time is that of the clock it is given; what callers change is kept in a folder, if one is given.
Nothing here knows Townsend: the servers are as foreign to it as the vendors are.
"""

from townsend.rehearsal.masterdata import master_data_csv
from townsend.rehearsal.server import Server, json_line
from townsend.rehearsal.starting import VENDORS, start

__all__ = ["VENDORS", "Server", "json_line", "master_data_csv", "start"]
