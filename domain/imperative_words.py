"""The words of `domain/imperatives.py`: what engineers are told to do, and what looks like it and is a thing.

The one thing to know: a verb that is missing here costs a good title a wrong hint, unless `imperatives` can tell by its
form or by what follows; so add what a team says, and put it under BOTH where it is as often a noun.
"""


def words_in(text: str) -> frozenset[str]:
    """A set of words."""
    return frozenset(text.split())


# Verbs that are hardly ever nouns at the beginning of a title.
VERBS = words_in(
    "abort accept acknowledge acquire activate adapt add adjust adopt advertise aggregate align allocate allow "
    "allowlist alter amend amortize amplify annotate announce anonymize append apply approve arm ask assert assess "
    "assign attach authenticate authorize automate avoid await back backdate backfill backport backtrack balance ban "
    "batch begin benchmark bind bisect blackhole blacklist block blocklist boot bootstrap bound break bring broadcast "
    "bubble buffer build bulkhead bump bundle buy bypass calculate calibrate cancel cap capture catch centralize "
    "chain change charge choose choreograph chunk circulate clamp clarify classify clean clear clone close coalesce "
    "codify collapse collate collect combine commission commit compact compare compile complete compress compute "
    "concentrate conduct configure confirm connect consolidate consume contain containerize continue convert convey "
    "coordinate cordon correct correlate count cover create crop cross-check curate curb cut deactivate debounce "
    "decentralize decide declare decode decommission decompose decouple decrease decrypt dedicate dedupe deduplicate "
    "deepen default defer define defragment degrade delay delegate delete delist deliver demand demonstrate demote "
    "denormalize deny denylist deploy deprecate derive describe deserialize design destroy detach detect determine "
    "develop diagnose dial direct disable discard disconnect discover dismiss display distribute divert divide do "
    "dock document double double-write downgrade downsample downscale drain drop dry-run dual-write dump duplicate "
    "edit eliminate embed emit empty enable encapsulate encode encrypt end enforce enlarge enqueue enrich enroll "
    "enter erase escalate establish evacuate evict examine exchange exclude execute exempt exit expand expect expire "
    "explain export expose express extend extract fail fail-over failover falsify favour feed fence fetch file fill "
    "filter finalize find finish fix flag flatten flip flush fold follow forbid force forward freeze fulfil fulfill "
    "gate gather generate get give go grant grow guard halve hand handle hard-code hard-stop harden hash hedge help "
    "hide hoist hold hook identify ignore implement import impose include increase inform ingest inherit initialize "
    "inject inline insert inspect install instantiate instruct instrument insulate integrate intercept internalize "
    "interrupt introduce invalidate inventory invert invoke isolate join jump keep kill label launch lay learn leave "
    "lengthen lessen let level lift limit link list listen load-test localise localize locate lock loosen lower "
    "maintain make manage mandate map mark mask match materialize maximize measure memoize mention merge migrate "
    "minimize mirror mitigate mock modify monitor mount move multiply mute name narrow negotiate nest normalise "
    "normalize notify nudge number obfuscate observe obtain offer offload omit onboard open operate opt outline "
    "outsource overhaul override oversample overwrite own pack package parallelize parameterize parse partition pass "
    "pass-through pause peer peg perform permit persist pick pilot pin ping pipe place plot plug point populate port "
    "position post postpone practise pre-warm preallocate precompute prefer prefetch preload prepare preserve prevent "
    "preview prime print prioritize produce prohibit promise promote prompt propagate protect prototype prove provide "
    "provision proxy prune publish pull purge push put quantify quarantine quiesce quiet quit quote raise randomize "
    "rate-limit re-run reach read reap rearrange reassign rebalance rebase rebind reboot rebuild recall receive "
    "recheck reclaim reconcile reconfigure reconnect recover recreate recycle redact redesign redirect reduce "
    "refactor refer refine refresh refuse regenerate register regulate rehearse reissue reject relabel relax reload "
    "relocate rely remediate remember remove rename render renew reorder repair repeat rephrase replace replay "
    "replicate reply require reroute rerun reschedule resend reserve reset reshard resize resolve respect respond "
    "restart restore restrict restructure retain retarget retire retrain retrieve return reuse revalidate reveal "
    "revert revise revoke rework rewrite ring-fence roll rotate round run sandbox sanitize save scan scope scrape "
    "scrub seal secure seed seek segment segregate select send separate sequence serialize serve set settle shard "
    "share shed shift ship shorten show shrink shut sign silence simplify simulate skip slash slice slow smooth soft- "
    "delete solve sort spare spawn specify spell split spread square stabilize stagger standardize start steer step "
    "stick stipulate stop streamline strengthen stretch strip stub subject submit subscribe substitute subtract "
    "suffix suggest summarize sunset supply suppress surface suspend swap switch sync synchronize tag tail take teach "
    "tear tell terminate terraform thin throttle throw tie tighten time-box timebox tokenize tolerate toughen track "
    "train transcode transfer transform transition translate trap traverse treat trigger trim triple truncate try "
    "tune turn unblock undo unify uninstall unlink unload unlock unmount unpin unroll unset unsubscribe untag "
    "untangle unwrap unzip update upgrade upload upsert utilize vacuum validate vary verify version vet visualize "
    "wait wake walk warm warn weigh whitelist widen wind wipe wire withdraw withhold wrap write zero zip"
)
# Verbs that are as often nouns: what follows decides.
BOTH = words_in(
    "access address alert archive audit backup branch budget cache call catalog check checkpoint code contact control "
    "copy cycle debug demo email estimate experiment focus format group host index issue load log mail market message "
    "model need note order page patch plan poll pool practice probe process profile query queue ramp range rank rate "
    "record release report request retry review route sample scale schedule score screen script search shadow shape "
    "signal snapshot stage stock store stream structure study support target task test thread ticket time touch trace "
    "transport type use view watch weight work"
)
# What makes a noun of the word before it: `pool size`, `retry policy`, `alert fatigue`.
HEADS = words_in(
    "alarm alert alerting automation balancer balancing budget capacity cleanup configuration coverage dashboard "
    "depth error exhaustion failure fatigue gap gaps handling improvement improvements interval invalidation issues "
    "lag leak leaks level limit loop loss noise ownership plan policies policy pool problem problems process quality "
    "rate request retention review rotation routing rules schedule script settings setup size spike spikes storm "
    "strategy threshold thresholds time timeout timeouts timing tool tooling tracking training usage volume window"
)
# After what may be a verb, these say that it is one.
DETERMINERS = words_in("a all an both each every its no one our the their these this those three two your")
PARTICLES = words_in(
    "after as at away back before by down for from if in into off on only out over to unless until up when with"
)
# `When the queue is full, shed load`: it may go on as it likes.
CLAUSES = words_in("after as before during for if instead once unless until when whenever where while")
# They end as verbs do.
NO_VERBS = words_in(
    "compromise concise disguise enterprise exercise expertise franchise likewise noise otherwise precise premise "
    "prize promise rise size"
)
# In front of a hyphen, and of a verb: `re-enable`, `rate-limit`, `double-write`.
HYPHENATED = words_in(
    "auto back co cross de dis double dry dual fast force garbage hard hot live load over post pre rate re ring smoke "
    "soft stress un under"
)
