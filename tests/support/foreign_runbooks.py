"""Runbooks of other tools with what is hard to carry over, one of each format. Used by tests of importers."""

from runbooks.importers import Format

SSM = """\
schemaVersion: '0.3'
description: |-
  Restart a node of the shop
  after somebody agreed.
assumeRole: '{{ Role }}'
parameters:
  Role: {type: String}
  InstanceId: {type: 'AWS::EC2::Instance::Id', description: Which node}
  Mode: {type: String, default: soft, allowedValues: [soft, hard], allowedPattern: '^[a-z]+$'}
  Limit: {type: Integer, default: 5}
  Password: {type: String, default: '{{ssm:/shop/password}}'}
mainSteps:
  - name: GetNode
    action: aws:executeAwsApi
    timeoutSeconds: 30
    inputs: {Service: ec2, Api: DescribeInstances, InstanceIds: ['{{ InstanceId }}'], DbPassword: hunter2}
    outputs: [{Name: State, Selector: '$.Reservations[0].State', Type: String}]
  - name: WhichWay
    action: aws:branch
    inputs:
      Choices:
        - NextStep: HardReset
          And: [{Variable: '{{ Mode }}', StringEquals: hard}, {Variable: '{{ Limit }}', NumericGreater: 3}]
        - {NextStep: SoftReset, Variable: '{{ GetNode.State }}', StringEquals: "o'k"}
      Default: Pause
  - name: HardReset
    action: aws:approve
    onFailure: Abort
    timeoutSeconds: 1800
    inputs:
      NotificationArn: arn:aws:sns:eu-west-1:123456789012:approvals
      Message: Reset {{ InstanceId }}?
      MinRequiredApprovals: 2
      Approvers: ['arn:aws:iam::123456789012:user/alice', sre]
    nextStep: Reset
  - name: SoftReset
    action: aws:sleep
    inputs: {Duration: PT1M30S}
  - name: Reset
    action: aws:invokeWebhook
    maxAttempts: 3
    timeoutSeconds: 20
    onFailure: step:TellThem
    isCritical: true
    inputs: {IntegrationName: ResetHook, Body: '{"node": "{{ InstanceId }}"}'}
    nextStep: Settle
  - name: TellThem
    action: aws:executeScript
    inputs: {Runtime: python3.11, Script: "def f():\\n  return '{{ automation:EXECUTION_ID }} {{ global:REGION }}'"}
    isEnd: true
  - name: Pause
    action: aws:pause
    inputs: {}
  - name: Settle
    action: aws:sleep
    inputs: {Timestamp: '2026-11-22T10:00:00Z'}
    nextStep: GetNode
outputs: [GetNode.State]
"""

RUNDECK = """\
- name: Restart the shop
  group: ops
  uuid: 0f0f
  description: |-
    Restarts it
  loglevel: INFO
  timeout: 1h 30m
  retry: {retry: '2', delay: 10s}
  schedule: {crontab: '0 0 * * *'}
  nodefilters: {filter: 'tags: web', dispatch: {threadcount: 3}}
  options:
    - {name: version, required: true, values: [v1, v2], enforced: true, value: v1, regex: '^v'}
    - {name: db-password, secure: true, storagePath: keys/db, value: hunter2}
    - {name: hosts, multivalued: true, delimiter: ',', value: 'a,b'}
    - {name: note}
  sequence:
    keepgoing: false
    strategy: node-first
    commands:
      - description: Stop it
        exec: "systemctl stop shop --token=hunter2 -p ${option.db-password} # ${HOME} {{ not ours }} ${#array}"
        errorhandler: {script: "echo @option.version@ {% x %}", keepgoingOnSuccess: true}
      - script: |
          #!/bin/sh
          for h in ${option.hosts}; do echo $h ${data.x}; done
        args: --fast
      - jobref: {name: Smoke test, group: ops, args: "-version ${option.version} -password hunter2"}
      - {type: slack, nodeStep: false, configuration: {channel: ops, token: hunter2}}
- name: Another
  options: {size: {value: '5'}}
  sequence: {keepgoing: true, commands: [{exec: 'true'}]}
"""

CHAOS = """\
{
  "version": "1.0.0",
  "title": "The shop survives its database",
  "description": "",
  "tags": ["db"],
  "configuration": {
    "shop": {"type": "env", "key": "SHOP", "default": "http://shop"},
    "unused": 5,
    "retries": 3
  },
  "secrets": {"api": {"KEY": {"type": "env", "key": "API_KEY"}, "OLD": "hunter2"}},
  "steady-state-hypothesis": {
    "title": "It sells",
    "probes": [
      {"type": "probe", "name": "sells", "tolerance": 201, "provider":
        {"type": "http", "url": "${shop}/buy", "timeout": [1, 2]}},
      {"type": "probe", "name": "no-errors", "tolerance": {"type": "jsonpath", "path": "$.errors", "count": 0},
        "provider": {"type": "http", "url": "${shop}/errors"}}
    ]
  },
  "method": [
    {"type": "action", "name": "break-it", "background": true, "provider": {"type": "process", "path": "rm"}},
    {"ref": "sells"}
  ],
  "rollbacks": [
    {"type": "action", "name": "heal", "pauses": {"before": 2, "after": 5}, "controls": [{"name": "x"}], "provider":
      {"type": "http", "url": "http://me:hunter2@shop/heal?x=1", "method": "POST", "timeout": 500, "verify_tls": false,
       "headers": {"Authorization": "Bearer hunter2", "X-Retries": "${retries}"}, "arguments": {"how": "${nowhere}"}}},
    {"type": "action", "name": "start", "provider":
      {"type": "process", "path": "systemctl", "arguments": {"start": "db", "--password": "hunter2"}}},
    {"type": "action", "name": "uncordon", "provider":
      {"type": "python", "module": "chaosk8s.node.actions", "func": "uncordon_node", "arguments": {"name": "n1"}}},
    {"ref": "sells"},
    {"ref": "nobody"}
  ]
}
"""
DOCUMENTS = {Format.SSM: SSM, Format.RUNDECK: RUNDECK, Format.CHAOS_TOOLKIT: CHAOS}
