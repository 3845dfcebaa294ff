// Package v1alpha1 holds the PawsEnvironment API: one resource that describes a
// whole highly available PAWS360 stack and reports how it is.
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +groupName=paws360.io
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the group and version of every type of this package.
var GroupVersion = schema.GroupVersion{Group: "paws360.io", Version: "v1alpha1"}

// SchemeGroupVersion is the name under which generated code expects GroupVersion.
var SchemeGroupVersion = GroupVersion

var schemeBuilder = runtime.NewSchemeBuilder(func(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &PawsEnvironment{}, &PawsEnvironmentList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
})

// AddToScheme registers the types of this package.
var AddToScheme = schemeBuilder.AddToScheme
