"""The words by which the blameless lint knows people, and the verbs that only people do.

Read by `people.py` and `patterns.py`. The one thing to know: a role that the lint does not know is added here.
"""


def words_of(text: str) -> frozenset[str]:
    """The words of a text, each once."""
    return frozenset(text.split())


# Heads of a noun phrase that are people, whatever stands before them.
PEOPLE = words_of(
    """
    administrator administrators admin admins analyst analysts apprentice approver approvers architect architects
    assignee author authors boss bosses colleague colleagues coder coders commander committer committers consultant
    consultants contractor contractors coworker coworkers crew dba dbas deployer deployers designer designers dev devs
    developer developers devops director directors employee employees engineer engineers executive executives expert
    experts folks guy guys human humans individual individuals intern interns leadership liaison liaisons maintainers
    management member members newcomer newcomers oncall on-call on-caller operations ops people person persons personnel
    programmer programmers qa responder responders reviewer reviewers scribe specialist specialists sre sres staff
    staffer staffers supervisor supervisors sysadmin sysadmins team teams teammate teammates technician technicians
    tester testers trainee trainees
    cto ceo cio ciso cfo coo svp vp somebody someone
    sysprog sysprogs implementer implementers auditor auditors clerk clerks
    cab committee committees clinician clinicians physician physicians pharmacist pharmacists
    receptionist receptionists trader traders cashier cashiers teller tellers
    nurse nurses officer officers electrician electricians subcontractor subcontractors sub-contractor sub-contractors
    freelancer freelancers graduate graduates student students salesperson salespeople superior superiors subordinate
    subordinates squad squads department departments chief chiefs rep reps webmaster helpdesker
    he she
    """
)
# People only if the word before does not make a program of them: `connection manager`, `consumer group`.
SOMETIMES_PEOPLE = words_of(
    "agent agents author authors group groups junior juniors lead leads leader leaders maintainer manager managers "
    "operator operators owner owners senior seniors shift head heads coordinator coordinators"
)
# What a `head of` is a person for; `the head of the queue` is none.
HEADED = words_of(
    "infrastructure engineering operations it security platform product support sre network networks data development "
    "technology department compliance qa architecture devops delivery marketing sales ops payments"
)
# Companies and departments: taken for people only with verbs of people.
PERHAPS_PEOPLE = words_of(
    "vendor vendors provider providers supplier suppliers company organisation organization business marketing sales "
    "legal finance hr infosec netops secops noc helpdesk support infra compliance procurement"
)
# What makes a program of the word behind it.
MACHINE_MODIFIERS = words_of(
    """
    access alert auto-scaling autoscaling availability backup boot bucket build cache cert certificate cloud cluster
    config configuration connection consumer container control custom data database deployment device disk display
    dns event feature file flow group helm identity instance job k8s key kubernetes lifecycle lock log memory
    monitoring mysql namespace network node object package partition placement pod policy postgres postgresql process
    prometheus queue redis replica replication request resource route scaling schema secret secrets security server
    service session shard socket state storage stream task thread topic traffic transaction unary user volume window
    worker binary comparison ternary logical in not or and raft partition elected new-leader
    """
)
# Before these, `group` and `agent` are people after all.
PEOPLE_MODIFIERS = words_of(
    "support infrastructure platform engineering operations service-desk helpdesk desk human customer sales storage "
    "security network database shift team tech technical incident product project release change deployment "
    "engineering on-call duty line account data build process delivery night"
)
# And before `shift`.
SHIFTS = words_of("day evening morning late early weekend previous last next outgoing incoming")
# Programs, products and companies that start with a capital letter and are nobody.
PROGRAMS = words_of(
    """
    airflow akamai alertmanager amazon android ansible apache api apollo apple argo athena aurora aws azure bash
    bigquery bitbucket celery ceph chef chrome cloudflare cloudfront cloudwatch confluence consul css datadog debian
    django docker dynamodb ec2 elasticsearch envoy etcd excel express facebook fargate fastly firefox flink flux gcp git
    github gitlab go google grafana graphql hadoop haproxy helm heroku html http https iam ios istio java javascript
    jenkins jira json jvm kafka kibana kinesis kotlin kubernetes kubelet lambda linkerd linux logstash loki mac
    markdown microsoft mimir mongo mongodb mysql netflix nginx node nomad npm oauth okta opensearch openssl opsgenie
    oracle pagerduty php pingdom postgres postgresql prometheus pulsar puppet python rabbitmq rails react redis rds
    redshift route53 ruby rust s3 salesforce sentry shopify slack snowflake solr spark splunk spring sql sqlite sqs ssh
    ssl statuspage stripe swift systemd teams temporal terraform thanos tls tomcat twilio typescript ubuntu unix vault
    windows wordpress yaml zendesk zookeeper zoom hotwash cassandra travis
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december utc cet est pst gmt europe asia africa america germany france london paris
    frankfurt ireland virginia oregon singapore tokyo sydney mumbai dublin english internet web wifi
    """
)
# Capitalised at the start of a sentence and still nobody.
STARTERS = words_of(
    """
    a about after again all alerts also although an and another any as at because before both but by clients customers
    consumers data did do does during each either every first for from had has have here how however if in instead is it
    its last later many most my neither next no nodes none not nothing now of on once one only or other others our pods
    requests second services several since so some such than that the their then there these they this those three to
    today two under until up users was we were what when where which while who why will with without workers would you
    your yes writes reads
    """
)
# What people do and programs do not; enough to know a person whose name is not in the list.
HUMAN_ONLY = (
    "notice|realise|realize|escalate|tell|ask|think|consider|bother|anticipate|look|listen|understand|care|warn|"
    "consult|supervise|pay attention|double-check|foresee|communicate|learn|review|test|plan|document|coordinate|"
    "inform|speak|talk|remember|question|read the|follow the (?:procedure|process|runbook|checklist|instructions|steps|"
    "policy)|check the (?:dashboard|logs?|runbook|graphs?|alerts?|plan|metrics|calendar|documentation)"
)
# What is expected of people: the base forms after "failed to", "did not", "never".
DUTIES = (
    HUMAN_ONLY + "|check|verify|follow|read|update|respond|react|acknowledge|validate|announce|prepare|catch|spot|"
    "recognise|recognize|inspect|monitor|record|mention|report|notify|confirm|watch|observe|act|do|fix|rotate|renew|"
    "raise|call|page|run|try|stop|wait|answer|rehearse|investigate|address|prioritise|prioritize|maintain|clean|"
    "ensure|handle|set|configure|add|write|remove|disable|enable|roll back|hand over|sign|approve|share|study|grasp|"
    "take|pay|keep|provide|fund|allocate|invest|approve|help|train|back|schedule|delete|assess|evaluate|measure|appreciate|adhere|comply"
)
# The same as past participles: "should have been …", "was never …".
DONE_BY_PEOPLE = (
    "tested|reviewed|checked|double-checked|caught|noticed|spotted|verified|avoided|prevented|escalated|foreseen|"
    "anticipated|known|communicated|documented|monitored|done|informed|told|involved|consulted|asked|considered|"
    "planned|rehearsed|announced|fixed|paged|declared|read|followed|seen|recognised|recognized|realised|realized|"
    "questioned|investigated|addressed|updated|renewed|rotated|validated|inspected|coordinated|mentioned|reported|"
    "notified|trained|supervised|discussed|approved|acted|handled|acknowledged|audited|prepared|written|made|"
    "identified|detected|stopped|called|assigned|obvious|clear|aware|careful|warned|alerted"
)
# Past forms with a person in front that judge by themselves.
JUDGED_DEEDS = (
    "ignored|disregarded|overlooked|neglected|forgot|skipped|bypassed|violated|misread|misjudged|mishandled|"
    "misconfigured|mismanaged|misunderstood|misinterpreted|mistyped|missed|panicked|rushed|underestimated|botched|"
    "bungled|fumbled|wasted|dismissed|downplayed|concealed|nuked|clobbered|trashed|blundered|slacked|procrastinated|"
    "dithered|dawdled|hesitated|shirked|flouted|breached|circumvented|abandoned|muddled|fat-fingered|rubber-stamped"
)
# What goes wrong: a sentence about causes has one of these.
HARM = (
    r"(?:incidents?|outages?|failures?|downtime|data loss|loss|crash(?:es)?|breakage|disruptions?|errors?|damage|leak|"
    r"breach|corruption|degradation|problems?|issues?|delays?|mess|disaster|catastrophe|meltdown|impact|unavailability)"
)
# What people owe, and what is said to be too little of.
OWED = (
    "testing|tests|monitoring|documentation|training|attention|care|communication|planning|review|reviews|oversight|"
    "awareness|alerting|understanding|knowledge|diligence|discipline|ownership|coordination|preparation|validation|"
    "experience|judgement|judgment|skill|skills|supervision|caution|rigour|rigor|foresight|professionalism|engineering|"
    "coverage|procedures?|process|processes|staffing|handover|handling|management|observability|checks|safeguards"
)
ERROR_ADVERBS = (
    "mistakenly|accidentally|inadvertently|erroneously|wrongly|incorrectly|improperly|carelessly|recklessly|unwisely|"
    "blindly|hastily|negligently|foolishly|stupidly|thoughtlessly|sloppily|lazily|irresponsibly|needlessly|stubbornly|"
    "naively|arrogantly|inexplicably|belatedly|clumsily|casually|impatiently|ignorantly|absent-mindedly|wilfully|willfully"
)
