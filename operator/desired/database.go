package desired

import "fountain.coach/fountainai/operator/api/v1alpha1"

// databaseValues are those of a stack whose data are on a server.
func databaseValues(global tree, spec *v1alpha1.FountainStackSpec) {
	global.set(spec.Storage.Engine, "storageEngine")
	if database := spec.Database; database != nil {
		global.set(database.Secret.Name, "database", "existingSecret")
		global.set(database.Key, "database", "key")
		global.set(database.Port, "database", "port")
	}
}

// scalingValues are those of each service: a number of pods, or an autoscaler.
func scalingValues(service tree, scaling *v1alpha1.Scaling) {
	if scaling == nil {
		return
	}
	replicas := int32(2)
	if scaling.Replicas != nil {
		replicas = *scaling.Replicas
	}
	if scaling.MaxReplicas == 0 {
		service.set(replicas, "replicas")
		return
	}
	service.set(true, "autoscaling", "enabled")
	service.set(replicas, "autoscaling", "minReplicas")
	service.set(scaling.MaxReplicas, "autoscaling", "maxReplicas")
	service.set(scaling.CPUPercent, "autoscaling", "cpuPercent")
}
