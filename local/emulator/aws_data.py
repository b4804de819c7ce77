"""AWS's service models, which all clients of this process read once.

This module must be imported before moto, whose modules make sessions while they are imported. Each of these sessions
would list hundreds of services and parse the endpoints of all regions again: a tenth of a second of CPU.
"""

from functools import cache

import botocore.session

botocore.session.create_loader = cache(botocore.session.create_loader)
