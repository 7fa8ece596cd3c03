"""Tests of the resources in deploy/kubernetes and deploy/spinapp.yaml: against the schemas of Kubernetes, and for what
the documentation promises. Without a cluster."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
# The oldest version that the manifests are for, and the newest one known.
VERSIONS = ["1.30", "1.37"]
WORKLOADS = {"Deployment", "StatefulSet"}


def built(folder=ROOT / "deploy/kubernetes"):
    command = ["kubectl", "kustomize", str(folder)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return list(yaml.safe_load_all(output))


def read(name):
    return list(yaml.safe_load_all((ROOT / "deploy" / name).read_text(encoding="utf-8")))


RESOURCES = built()
OPTIONAL = read("kubernetes/webhooks.yaml")


def of_kind(*kinds):
    return [resource for resource in RESOURCES if resource["kind"] in kinds]


def name(resource):
    return f"{resource['kind']}/{resource['metadata']['name']}"


def pod(workload):
    return workload["spec"]["template"]["spec"]


def labels(workload):
    return workload["spec"]["template"]["metadata"]["labels"]


def selects(selector, found):
    """Whether a label selector matches these labels. Of expressions it supports only In, which is used here."""
    for expression in selector.get("matchExpressions", []):
        assert expression["operator"] == "In"
        if found.get(expression["key"]) not in expression["values"]:
            return False
    return selector.get("matchLabels", {}).items() <= found.items()


def containers():
    return [
        pytest.param(workload, container, id=f"{name(workload)}/{container['name']}")
        for workload in of_kind(*WORKLOADS)
        for container in pod(workload).get("initContainers", []) + pod(workload)["containers"]
    ]


def application(manifest):
    with open(ROOT / manifest, "rb") as file:
        return tomllib.load(file)


def routes(manifest):
    return {trigger["route"] for trigger in application(manifest)["trigger"]["http"] if isinstance(trigger["route"], str)}


def variables(manifest):
    return application(manifest)["variables"]


def test_everything_is_there():
    assert {name(workload) for workload in of_kind(*WORKLOADS)} == {
        "Deployment/api",
        "Deployment/worker",
        "StatefulSet/redis",
    }
    assert all(resource["kind"] == "Namespace" or resource["metadata"]["namespace"] == "routelets" for resource in RESOURCES)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("resource", RESOURCES + OPTIONAL, ids=name)
def test_kubernetes_knows_every_field(resource, version):
    kubernetes_validate.validate(resource, version, strict=True)


@pytest.mark.parametrize("workload", of_kind(*WORKLOADS), ids=name)
def test_pods_have_no_privileges(workload):
    spec = pod(workload)
    assert spec["automountServiceAccountToken"] is False
    security = spec["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] == security["runAsGroup"] == security["fsGroup"] == 65532
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not any(spec.get(shared) for shared in ["hostNetwork", "hostPID", "hostIPC"])
    assert not any("hostPath" in volume for volume in spec.get("volumes", []))


@pytest.mark.parametrize("workload, container", containers())
def test_containers_have_no_privileges_and_limits(workload, container):
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    for bound in ["requests", "limits"]:
        assert container["resources"][bound].keys() == {"cpu", "memory"}
    image, _, tag = container["image"].rpartition(":")
    assert image and tag and tag != "latest", "an image without a version is another one tomorrow"
    assert "/data" in [mount["mountPath"] for mount in container["volumeMounts"]]


@pytest.mark.parametrize("workload", of_kind(*WORKLOADS), ids=name)
def test_workloads_select_their_own_pods(workload):
    assert [name(other) for other in of_kind(*WORKLOADS) if selects(workload["spec"]["selector"], labels(other))] == [
        name(workload)
    ]


@pytest.mark.parametrize("service", of_kind("Service"), ids=name)
def test_services_lead_to_ports_that_are_there(service):
    [workload] = [other for other in of_kind(*WORKLOADS) if selects({"matchLabels": service["spec"]["selector"]}, labels(other))]
    ports = {port["name"] for container in pod(workload)["containers"] for port in container["ports"]}
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def test_the_ingress_leads_to_the_api():
    [ingress] = of_kind("Ingress")
    [rule] = ingress["spec"]["rules"]
    [path] = rule["http"]["paths"]
    backend = path["backend"]["service"]
    [service] = [service for service in of_kind("Service") if service["metadata"]["name"] == backend["name"]]
    assert backend["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}
    assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]


def test_the_api_is_asked_for_its_health_and_workers_are_not():
    by_name = {workload["metadata"]["name"]: pod(workload)["containers"][0] for workload in of_kind(*WORKLOADS)}
    for probe, path in [("readinessProbe", "/readyz"), ("livenessProbe", "/livez")]:
        assert by_name["api"][probe]["httpGet"] == {"path": path, "port": "http"}
        assert path in routes("spin.toml")
        assert probe not in by_name["worker"]
        assert by_name["redis"][probe]["exec"]["command"] == ["redis-cli", "-e", "ping"]
    assert by_name["api"]["ports"] == [{"name": "http", "containerPort": 8001}]
    # One process: the command of the image for the API, another manifest for workers.
    assert "args" not in by_name["api"] and by_name["worker"]["args"] == ["up", "--from", "spin.worker.toml"]
    assert (ROOT / by_name["worker"]["args"][-1]).exists()


@pytest.mark.parametrize("scaler", of_kind("HorizontalPodAutoscaler"), ids=name)
def test_autoscalers_have_their_workloads_to_themselves(scaler):
    target = scaler["spec"]["scaleTargetRef"]
    [workload] = [workload for workload in of_kind(target["kind"]) if workload["metadata"]["name"] == target["name"]]
    assert "replicas" not in workload["spec"], "each apply would undo what the autoscaler did"
    assert scaler["spec"]["metrics"][0]["resource"]["name"] == "cpu"
    assert 0 < scaler["spec"]["minReplicas"] < scaler["spec"]["maxReplicas"]


def test_the_api_and_the_workers_scale_and_outlive_drained_nodes():
    scaled = {scaler["spec"]["scaleTargetRef"]["name"] for scaler in of_kind("HorizontalPodAutoscaler")}
    assert scaled == {"api", "worker"}
    for workload in of_kind("Deployment"):
        assert pod(workload)["topologySpreadConstraints"][0]["labelSelector"] == workload["spec"]["selector"]
        [budget] = [b for b in of_kind("PodDisruptionBudget") if selects(b["spec"]["selector"], labels(workload))]
        [scaler] = [s for s in of_kind("HorizontalPodAutoscaler") if s["metadata"]["name"] == workload["metadata"]["name"]]
        # A budget that forbids every eviction keeps nodes from being drained.
        assert budget["spec"].get("minAvailable", 0) < scaler["spec"]["minReplicas"]


def reachable(source, target, policies):
    """Whether policies allow a workload to call another one of the namespace, and at which ports."""
    def ports(direction, here, there):
        peers = {"ingress": "from", "egress": "to"}[direction]
        applying = [
            policy["spec"]
            for policy in policies
            if selects(policy["spec"]["podSelector"], labels(here)) and direction.title() in policy["spec"]["policyTypes"]
        ]
        assert applying, "without any policy everything is allowed"
        return {
            port["port"]
            for spec in applying
            for rule in spec.get(direction, [])
            for peer in rule[peers]
            if "namespaceSelector" not in peer and "podSelector" in peer and selects(peer["podSelector"], labels(there))
            for port in rule["ports"]
        }

    return ports("egress", source, target) & ports("ingress", target, source)


def test_nothing_is_allowed_that_is_not_said():
    [deny] = [policy["spec"] for policy in of_kind("NetworkPolicy") if policy["spec"]["podSelector"] == {} and "egress" not in policy["spec"]]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize("policies", [of_kind("NetworkPolicy"), of_kind("NetworkPolicy") + OPTIONAL], ids=["", "webhooks"])
def test_only_redis_is_reached_and_only_by_who_needs_it(policies):
    workloads = {workload["metadata"]["name"]: workload for workload in of_kind(*WORKLOADS)}
    found = {
        (source, target): ports
        for source in workloads
        for target in workloads
        if (ports := reachable(workloads[source], workloads[target], policies))
    }
    assert found == {("api", "redis"): {6379}, ("worker", "redis"): {6379}}


def test_the_image_is_that_of_this_version():
    version = application("spin.toml")["application"]["version"]
    for workload in of_kind("Deployment"):
        assert pod(workload)["containers"][0]["image"] == f"ghcr.io/OWNER/routelets:{version}"
    for app in read("spinapp.yaml"):
        assert app["spec"]["image"].endswith(f":{version}")


def test_settings_are_variables_of_the_applications():
    [settings] = of_kind("ConfigMap")
    known = {"SPIN_VARIABLE_" + variable.upper() for variable in variables("spin.toml")}
    assert settings["data"].keys() <= known
    assert settings["data"]["SPIN_VARIABLE_JOBS_STORE"] == "redis"
    redis = {service["metadata"]["name"] for service in of_kind("Service")}
    assert settings["data"]["SPIN_VARIABLE_REDIS_URL"].removeprefix("redis://").split(":")[0] in redis
    for workload in of_kind("Deployment"):
        sources = pod(workload)["containers"][0]["envFrom"]
        assert sources[0] == {"configMapRef": {"name": settings["metadata"]["name"]}}
        assert sources[1] == {"secretRef": {"name": "routelets", "optional": True}}
    assert not of_kind("Secret"), "secrets are the cluster's"


@pytest.mark.parametrize("app, manifest", list(zip(read("spinapp.yaml"), ["spin.toml", "spin.worker.toml"], strict=True)))
def test_spin_apps_are_as_the_operator_knows_them(app, manifest):
    """Its fields are those of spin-operator's CRD, compared by hand, because the CRD is not available offline."""
    assert (app["apiVersion"], app["kind"]) == ("core.spinkube.dev/v1alpha1", "SpinApp")
    spec = app["spec"]
    assert spec.keys() <= {"image", "executor", "replicas", "checks", "resources", "variables"}
    assert {"image", "executor"} <= spec.keys() and spec["executor"] == "containerd-shim-spin"
    assert {variable["name"] for variable in spec["variables"]} <= variables(manifest).keys()
    checks = {name: check["httpGet"] for name, check in spec.get("checks", {}).items()}
    assert checks in [{}, {"readiness": {"path": "/readyz"}, "liveness": {"path": "/livez"}}]


@pytest.fixture
def with_components(tmp_path):
    """The resources with the optional components."""
    here = ROOT / "deploy/kubernetes"
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "routelets",
        "resources": [relative(here, tmp_path)],
        "components": [relative(here / name, tmp_path) for name in ["monitoring", "keda"]],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
    return built(tmp_path)


def relative(path, start):
    return os.path.relpath(path, start.resolve())


def test_metrics_are_for_prometheus_alone(with_components):
    for resource in with_components:
        if resource["kind"] != "ScaledObject":
            kubernetes_validate.validate(resource, VERSIONS[-1], strict=True)
    by_name = {name(resource): resource for resource in with_components}
    [policy] = by_name["NetworkPolicy/metrics"]["spec"]["ingress"]
    assert policy["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    for workload in ["Deployment/api", "Deployment/worker"]:
        [container] = pod(by_name[workload])["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert container["env"] == [{"name": "ROUTELETS_METRICS_LISTEN", "value": f"0.0.0.0:{ports['metrics']}"}]
        assert {"port": ports["metrics"]} in policy["ports"]
        assert selects(by_name["NetworkPolicy/metrics"]["spec"]["podSelector"], labels(by_name[workload]))


def test_workers_are_scaled_by_jobs_or_by_load(with_components):
    """The fields are those of KEDA's CRD, compared by hand, because the CRD is not available offline."""
    [scaled] = [resource for resource in with_components if resource["kind"] == "ScaledObject"]
    spec = scaled["spec"]
    assert spec.keys() <= {"scaleTargetRef", "minReplicaCount", "maxReplicaCount", "advanced", "triggers"}
    assert spec["scaleTargetRef"] == {"name": "worker"} and 0 < spec["minReplicaCount"] < spec["maxReplicaCount"]
    targets = [s["spec"]["scaleTargetRef"]["name"] for s in with_components if s["kind"] == "HorizontalPodAutoscaler"]
    assert targets == ["api"], "two autoscalers of one workload work against each other"
    [trigger] = spec["triggers"]
    assert trigger["type"] == "prometheus"
    assert metrics_in(trigger["metadata"]["query"]) == {"routelets_jobs"} <= METRICS


def metrics_in(query):
    """The metrics of a query, without what Prometheus appends to the names of counters and histograms."""
    names = re.findall(r"\b(?:routelets|process)_\w+", query)
    return {re.sub(r"_(total|bucket|sum|count)$", "", found) for found in names}


METRICS = {
    found
    for source in ["components/monitor/src/metrics.rs", "host/src/metrics.rs"]
    for found in re.findall(r'"((?:routelets|process)_\w+)",', (ROOT / source).read_text(encoding="utf-8"))
}


def test_the_dashboard_shows_metrics_that_there_are():
    dashboard = json.loads((ROOT / "deploy/grafana-dashboard.json").read_text(encoding="utf-8"))
    shown = set()
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            assert target["expr"].count("(") == target["expr"].count(")")
            found = metrics_in(target["expr"])
            assert found and found <= METRICS, target["expr"]
            shown |= found
    assert METRICS - shown == {"routelets_components"}
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))


def test_metrics_are_documented():
    documented = metrics_in((ROOT / "docs/operations.md").read_text(encoding="utf-8"))
    assert documented == METRICS
