"""Titles of action items as teams write them, good and poor: what the hints are tuned on, and what they never saw.

Used by `test_action_item_quality.py`. The one thing to know: the held-out ones were written before the rules they
measure and are not looked at when a rule is changed; who needs more examples adds them to the others.
"""

GOOD = """
Add an alert on replication lag above 30 s
Alert on checkout error rate above 1 % for five minutes
Page the payments team when the settlement queue is older than ten minutes
Lower the connection pool of the order service to 40
Raise the memory limit of the search indexer to 4 GiB
Reject orders without a price at the API edge
Cache exchange rates for sixty seconds in the pricing client
Shed search traffic when the CPU of the ranker passes 80 %
Time out calls to the fraud service after 800 ms
Retry failed webhooks with exponential backoff and jitter
Log the release version with every error of the checkout
Test the failover of the billing database in staging each Monday
Back up the feature flag store to a second region
Roll back the canary automatically when its error rate doubles
Validate the schema of the price feed before it is published
Move the nightly report off the primary database
Delete the unused admin endpoint of the basket service
Rename the two metrics that are both called latency
Rotate the signing keys of the session service by script
Pin the base image of the worker to a digest
Split the import job into batches of 10,000 rows
Drain a node before its kernel is patched
Disable automatic minor upgrades of the primary cluster
Fail closed when the license server does not answer
Document the manual failover of the DNS provider in the runbook
Write a runbook for a full disk on the log hosts
Show the age of the newest backup on the storage dashboard
Automate the certificate renewal of the partner gateway
Re-enable the circuit breaker around the tax service
Auto-scale the consumers on queue depth
Rate-limit password resets to five an hour per account
Unblock deploys of the shop when only docs have changed
Deduplicate alerts of the two Prometheus replicas
Parallelize the restore of the customer shards
Encrypt the dumps that go to the analytics bucket
Require two approvals for changes of the firewall rules
Stop the retry loop in the mobile client after three attempts
Replace the shared Redis lock by a lease with a fencing token
Set a deadline on every call of the recommendation service
Warm the cache before a new pod takes traffic
Run the data migration in dry-run mode on a copy first
Publish the status of the export job as a metric
Send pages of the storage team to the secondary after five minutes
Give the batch jobs their own database user
Make the config reload atomic
Make the health check fail when the disk is read-only
Automatically restart the feed reader when it is stuck for a minute
Temporarily route 10 % of the traffic through the old gateway
[checkout] Add a synthetic purchase every five minutes
payments: refuse a refund that is larger than the order
Don't page for a single failed probe
Do not retry requests that the bank has answered with 4xx
Cap the number of open files of the proxy at 65,536
Trim the event table to ninety days
Teach the deploy script to wait for the load balancer
Bring the standby of the ledger to the same instance size
Dockerize the nightly invoice job
Backfill the orders lost between 09:10 and 09:40
Compare row counts of source and target after each import
Detect and reject duplicate payment notifications
""".strip().splitlines()

POOR = """
Lag alert
Pool size
Database failover automation
Migrate the whole platform to Kubernetes
Rebuild the whole deployment pipeline from scratch
Run a training for the on-call team
On-call should watch the dashboard
Follow up with vendor
Create awareness of the deploy freeze
Retry policy
Alerting for the queue
Monitoring gaps
Better monitoring
Dashboard for checkout errors
SLO for the search API
Runbook for disk full
Investigate the memory leak
Look into the slow queries
Consider a second availability zone
Improve observability
Improve the deployment process
Be more careful with migrations
Remind people to check the canary
Make sure everyone reads the runbook
Ensure backups work
Fix the issue
Fix monitoring
Add more alerts
Add monitoring
Add tests
Update documentation
Increase visibility
Make the system more resilient
Make deploys safer
Move everything to the cloud
Migrate to microservices
Rewrite the order service
Redesign the alerting
Add timeouts to all services
Document every process
Clean up technical debt
Replace the legacy systems
Break up the monolith
Talk to the database team
Reach out to the cloud provider
Discuss the rollback procedure
Sync with platform about quotas
Keep an eye on the error rate
Watch the latency graphs more closely
Engineers must double-check config changes
The team needs to test rollbacks
Hold a workshop on incident response
Schedule a meeting about capacity
Raise awareness for phishing
Review alerts regularly
Think about autoscaling
Explore chaos engineering
Cache invalidation
Test coverage
Better communication during incidents
""".strip().splitlines()

HELD_OUT_GOOD = """
Add a canary stage to the pipeline of the payment service
Abort the deploy when the error budget of the week is spent
Archive invoices older than seven years to cold storage
Block merges to main while the build is red
Bound the size of the request body to 2 MB at the gateway
Bump the heartbeat timeout of the scheduler to 30 s
Check the free space of the target volume before a restore begins
Close idle connections of the message broker after five minutes
Collect thread dumps when a request takes longer than ten seconds
Copy the DNS zone to a second provider every night
Count dropped messages per topic and alert above zero
Create an index on orders by customer and date
Decommission the two hosts that still run the old mail relay
Default new services to a timeout of two seconds
Demote the flaky browser test to the nightly run
Enforce TLS 1.2 on the partner endpoint
Evict sessions that were idle for an hour
Expose the queue length of the PDF renderer as a metric
Flush the CDN when a price list is withdrawn
Guard the bulk delete with a confirmation of the row count
Hide the export button while the job runs
Inject the region into the log lines of the edge proxies
Isolate the report queries on a read replica
Kill queries of the analysts' role after two minutes
Link the runbook in the three disk alerts
Mirror one percent of the traffic to the new parser
Mute the staging alerts between midnight and six
Notify the shop owner when a feed has not arrived by 07:00
Order the start of the sidecar before the application
Prefer the local zone when the client picks a replica
Quarantine messages that failed five times
Rebalance the partitions of the event topic over six brokers
Reserve 20 % of the worker slots for interactive jobs
Sample traces of failed requests at 100 %
Seed the staging database from an anonymised dump each week
Serialize writes to the stock table with an advisory lock
Snapshot the volume before the nightly upgrade
Surface the rollout state of a flag in the admin page
Teach the linter to reject queries without a limit
Verify the checksum of an artifact before it is installed
""".strip().splitlines()

HELD_OUT_POOR = """
Queue depth alarm
Connection limits
Certificate renewal automation
Timeout handling in the client
Capacity planning
On-call rotation changes
Documentation of the failover
A dashboard for the API
Canary for payments
Replica lag
Migrate all workloads to the new cluster
Move the entire company to single sign-on
Rebuild the data platform from the ground up
Re-architect the billing stack
Modernize our infrastructure
Replace all legacy code
Train developers on feature flags
Organize a lunch and learn about postmortems
Educate support about severity levels
Provide training for new hires
Ask the vendor for an explanation
Check with legal about retention
Meet with the network team
Communicate better with customers
Pay attention to the error budget
Developers should test their migrations
Everyone needs to follow the checklist
Keep monitoring the situation
Monitor the situation closely
Be careful with bulk updates
Try to reduce noise
Evaluate other message brokers
Research rate limiting
Understand why the cache was cold
Analyze the traffic pattern
Improve test coverage
Enhance logging
Strengthen reliability
Add better error handling everywhere
Make monitoring better
""".strip().splitlines()
