"""The fault proxy: a program of its own that stands before a service or a database and can be told to do harm.

`python -m activities.clients.fault_proxy LISTEN UPSTREAM CONTROL PROTOCOL`, mostly through `hotwash fault-proxy NAME`;
Hotwash talks to it through `activities/clients/fault_proxies.py`. The one thing to know: each fault has a lease that
runs out here, in the proxy, so it ends when nobody renews it, whoever has died.
"""
