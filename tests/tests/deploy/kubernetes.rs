//! Kubernetes: what kustomize makes of each overlay.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::tools::{are_settings, linter, run, yaml};

const OVERLAYS: [&str; 2] = ["development", "production"];

/// What kustomize makes of an overlay.
fn built(overlay: &str) -> Result<String> {
    run(&linter("kubectl")?, &["kustomize", &format!("deploy/kubernetes/overlays/{overlay}")])
}

/// The objects of a kind.
fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

fn named<'a>(objects: &'a [Value], kind: &str, name: &str) -> Result<&'a Value> {
    let mut found = of_kind(objects, kind).into_iter().filter(|object| object["metadata"]["name"] == name);
    found.next().with_context(|| format!("no {kind} {name}"))
}

#[test]
fn overlays_are_valid() -> Result<()> {
    let folder = TempDir::new()?;
    for overlay in OVERLAYS {
        let file = folder.path().join(overlay);
        std::fs::write(&file, built(overlay)?)?;
        let told = run(&linter("kubernetes-validate")?, &["--strict", file.to_str().context("no path")?])?;
        assert!(told.contains("deployment/entrepot-serve"), "{told}");
    }
    Ok(())
}

#[test]
fn pods_are_restricted_and_limited() -> Result<()> {
    for overlay in OVERLAYS {
        let objects = yaml(&built(overlay)?)?;
        let pods = [of_kind(&objects, "Deployment"), of_kind(&objects, "Job")].concat();
        assert!(pods.len() >= 3);
        for object in pods {
            let (name, pod) = (&object["metadata"]["name"], &object["spec"]["template"]["spec"]);
            let security = &pod["securityContext"];
            ensure!(security["runAsNonRoot"] == true, "{name}: {security}");
            ensure!(security["seccompProfile"]["type"] == "RuntimeDefault", "{name}: {security}");
            ensure!(pod["automountServiceAccountToken"] == false, "{name} has a token");
            for container in pod["containers"].as_array().context("no containers")? {
                let security = &container["securityContext"];
                ensure!(security["allowPrivilegeEscalation"] == false, "{name}: {security}");
                ensure!(security["readOnlyRootFilesystem"] == true, "{name}: {security}");
                ensure!(security["capabilities"]["drop"][0] == "ALL", "{name}: {security}");
                let resources = &container["resources"];
                ensure!(resources["requests"]["cpu"].is_string(), "{name}: {resources}");
                ensure!(resources["limits"]["memory"].is_string(), "{name}: {resources}");
            }
        }
        let namespace = &of_kind(&objects, "Namespace")[0]["metadata"];
        assert_eq!(namespace["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
    }
    Ok(())
}

#[test]
fn settings_are_known_and_secrets_only_referred_to() -> Result<()> {
    for overlay in OVERLAYS {
        let objects = yaml(&built(overlay)?)?;
        let config = of_kind(&objects, "ConfigMap")[0]["data"].as_object().context("no settings")?;
        are_settings(config.keys().map(String::as_str))?;
        let mut names: Vec<_> = config.keys().map(String::as_str).collect();
        names.retain(|name| name.contains("SECRET") || name.contains("URL") && *name != "PUBLIC_URL");
        assert!(names.is_empty(), "{names:?} may be secret");
        let secrets = of_kind(&objects, "Secret");
        assert_eq!(secrets.len(), usize::from(overlay == "development"), "a secret of production is in the repository");
    }
    Ok(())
}

#[test]
fn production_scales_and_survives_the_loss_of_a_node() -> Result<()> {
    let objects = yaml(&built("production")?)?;
    let serve = named(&objects, "Deployment", "entrepot-serve")?;
    assert!(serve["spec"].get("replicas").is_none(), "the autoscaler would be overruled at each deployment");
    assert_eq!(serve["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
    let pod = &serve["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert!(container["image"].as_str().is_some_and(|image| image.starts_with("registry.example.com/entrepot:")));
    assert_eq!(pod["topologySpreadConstraints"].as_array().map(Vec::len), Some(2));
    let autoscaler = named(&objects, "HorizontalPodAutoscaler", "entrepot-serve")?;
    assert_eq!(autoscaler["spec"]["minReplicas"], 3);
    for name in ["entrepot-serve", "entrepot-worker"] {
        let container = &named(&objects, "Deployment", name)?["spec"]["template"]["spec"]["containers"][0];
        for (probe, path) in [("readinessProbe", "/health/ready"), ("livenessProbe", "/health/live")] {
            let get = &container[probe]["httpGet"];
            assert_eq!(
                (&get["path"], &get["port"]),
                (&path.into(), &container["ports"][0]["name"]),
                "{probe} of {name}"
            );
        }
        let budget = &named(&objects, "PodDisruptionBudget", name)?["spec"];
        let labels = &named(&objects, "Deployment", name)?["spec"]["template"]["metadata"]["labels"];
        for (label, value) in budget["selector"]["matchLabels"].as_object().context("no labels")? {
            assert_eq!(&labels[label], value, "the budget of {name} is that of other pods");
        }
    }
    // The pod ends after the program had the time it may take.
    let config = &of_kind(&objects, "ConfigMap")[0]["data"];
    let timeout: u64 = config["SHUTDOWN_TIMEOUT"].as_str().and_then(|text| text.strip_suffix('s')).unwrap().parse()?;
    assert!(pod["terminationGracePeriodSeconds"].as_u64().is_some_and(|seconds| seconds > timeout));
    Ok(())
}

/// Each service, ingress and policy selects pods that there are.
#[test]
fn ingress_leads_to_the_pods_that_serve() -> Result<()> {
    let objects = yaml(&built("production")?)?;
    let service = named(&objects, "Service", "entrepot")?;
    let pod = &named(&objects, "Deployment", "entrepot-serve")?["spec"]["template"];
    for (label, value) in service["spec"]["selector"].as_object().context("no selector")? {
        assert_eq!(&pod["metadata"]["labels"][label], value);
    }
    assert_eq!(service["spec"]["ports"][0]["targetPort"], pod["spec"]["containers"][0]["ports"][0]["name"]);
    let ingress = &named(&objects, "Ingress", "entrepot")?["spec"];
    let paths = ingress["rules"][0]["http"]["paths"].as_array().context("no paths")?;
    assert!(paths.iter().all(|path| path["backend"]["service"]["name"] == "entrepot"));
    let public: Vec<_> = paths.iter().filter_map(|path| path["path"].as_str()).collect();
    assert!(public.contains(&"/api") && !public.iter().any(|path| "/metrics".starts_with(path) && *path != "/"));
    assert_eq!(ingress["tls"][0]["hosts"][0], ingress["rules"][0]["host"]);
    Ok(())
}
