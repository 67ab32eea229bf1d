"""The `hotwash` command.

Every process of ours starts here and reads two thousand modules, none of which is ever garbage: collecting less often
makes a start a sixth shorter, and a long life no larger than the youngest 50,000 objects.
"""

import gc

gc.set_threshold(50_000, 20, 20)
