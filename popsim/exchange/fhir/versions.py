"""Which version of FHIR a resource is written in, by signs that R4 does not have.

A bundle does not name its version. The signs are elements and types of resources that the differences between versions
list (https://hl7.org/fhir/R4/diff.html, https://hl7.org/fhir/R5/diff.html). R4B is read as R4: what is read here did
not change between the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OLDER, NEWER = "STU3 or DSTU2", "R5 or later"


def _words(text: str) -> list[str]:
    return text.split()


RESOURCE_TYPES = frozenset(
    _words(
        """
    Account ActivityDefinition AdverseEvent AllergyIntolerance Appointment AppointmentResponse AuditEvent Basic
    Binary BiologicallyDerivedProduct BodyStructure Bundle CapabilityStatement CarePlan CareTeam CatalogEntry
    ChargeItem ChargeItemDefinition Claim ClaimResponse ClinicalImpression CodeSystem Communication
    CommunicationRequest CompartmentDefinition Composition ConceptMap Condition Consent Contract Coverage
    CoverageEligibilityRequest CoverageEligibilityResponse DetectedIssue Device DeviceDefinition DeviceMetric
    DeviceRequest DeviceUseStatement DiagnosticReport DocumentManifest DocumentReference
    EffectEvidenceSynthesis Encounter Endpoint EnrollmentRequest EnrollmentResponse EpisodeOfCare
    EventDefinition Evidence EvidenceVariable ExampleScenario ExplanationOfBenefit FamilyMemberHistory Flag
    Goal GraphDefinition Group GuidanceResponse HealthcareService ImagingStudy Immunization
    ImmunizationEvaluation ImmunizationRecommendation ImplementationGuide InsurancePlan Invoice Library Linkage
    List Location Measure MeasureReport Media Medication MedicationAdministration MedicationDispense
    MedicationKnowledge MedicationRequest MedicationStatement MedicinalProduct MedicinalProductAuthorization
    MedicinalProductContraindication MedicinalProductIndication MedicinalProductIngredient
    MedicinalProductInteraction MedicinalProductManufactured MedicinalProductPackaged
    MedicinalProductPharmaceutical MedicinalProductUndesirableEffect MessageDefinition MessageHeader
    MolecularSequence NamingSystem NutritionOrder Observation ObservationDefinition OperationDefinition
    OperationOutcome Organization OrganizationAffiliation Parameters Patient PaymentNotice
    PaymentReconciliation Person PlanDefinition Practitioner PractitionerRole Procedure Provenance
    Questionnaire QuestionnaireResponse RelatedPerson RequestGroup ResearchDefinition ResearchElementDefinition
    ResearchStudy ResearchSubject RiskAssessment RiskEvidenceSynthesis Schedule SearchParameter ServiceRequest
    Slot Specimen SpecimenDefinition StructureDefinition StructureMap Subscription Substance
    SubstanceNucleicAcid SubstancePolymer SubstanceProtein SubstanceReferenceInformation
    SubstanceSourceMaterial SubstanceSpecification SupplyDelivery SupplyRequest Task TerminologyCapabilities
    TestReport TestScript ValueSet VerificationResult VisionPrescription
    """
    )
)
# Of R4B, which other resources of a file may be.
R4B_TYPES = frozenset(
    _words("""
    AdministrableProductDefinition Citation ClinicalUseDefinition EvidenceReport Ingredient
    ManufacturedItemDefinition MedicinalProductDefinition NutritionProduct PackagedProductDefinition
    RegulatedAuthorization SubscriptionStatus SubscriptionTopic SubstanceDefinition
    """)
)
OTHER_TYPES: Mapping[str, str] = dict.fromkeys(
    _words("""
    BodySite Conformance DataElement DeviceComponent DeviceUseRequest DiagnosticOrder DiagnosticRequest
    EligibilityRequest EligibilityResponse ExpansionProfile ImagingManifest ImagingObjectSelection
    MedicationOrder Order OrderResponse ProcedureRequest ProcessRequest ProcessResponse ReferralRequest
    Sequence ServiceDefinition
    """),
    OLDER,
) | dict.fromkeys(
    _words("""
    ActorDefinition ArtifactAssessment BiologicallyDerivedProductDispense ConditionDefinition DeviceAssociation
    DeviceDispense DeviceUsage EncounterHistory FormularyItem GenomicStudy ImagingSelection InventoryItem
    InventoryReport MedicationUsage NutritionIntake Permission RequestOrchestration Requirements TestPlan
    Transport
    """),
    NEWER,
)

_ELEMENTS: Mapping[str, tuple[str, str]] = {
    "Patient": ("animal", ""),
    "Encounter": (
        "incomingReferral reason indication",
        "actualPeriod plannedStartDate plannedEndDate admission subjectStatus careTeam virtualService",
    ),
    "Condition": ("context assertedDate dateRecorded", "participant"),
    "Observation": ("context comment comments related", "triggeredBy bodyStructure instantiatesCanonical"),
    "MedicationRequest": (
        "context definition",
        "medication renderedDosageInstruction effectiveDosePeriod informationSource",
    ),
    "MedicationStatement": (
        "taken notTaken reasonNotTaken wasNotTaken",
        "medication adherence renderedDosageInstruction relatedClinicalInformation encounter",
    ),
    "Procedure": (
        "context notDone reasonNotDone notPerformed definition",
        "reported recorded occurrenceDateTime occurrencePeriod supportingInfo",
    ),
    "Medication": ("isBrand isOver package product", "marketingAuthorizationHolder totalVolume definition"),
    "Bundle": ("base", "issues"),
}  # fmt: skip
FOREIGN = {
    kind: dict.fromkeys(older.split(), OLDER) | dict.fromkeys(newer.split(), NEWER)
    for kind, (older, newer) in _ELEMENTS.items()
}
NONE: Mapping[str, str] = {}
PROFILES = {"/DSTU2/": OLDER, "/1.0/": OLDER, "/STU3/": OLDER, "/3.0/": OLDER, "/5.0/": NEWER, "/R5/": NEWER}


def other_version(resource: Mapping[str, Any]) -> tuple[str, str] | None:
    """The element by which a resource is not of R4, and its version; None if there is no such sign."""
    kind = resource["resourceType"]
    if (version := OTHER_TYPES.get(kind)) is not None:
        return "resourceType", version
    foreign = FOREIGN.get(kind, NONE)
    if foreign and not foreign.keys().isdisjoint(resource):
        element = next(name for name in resource if name in foreign)
        return element, foreign[element]
    if kind == "Encounter" and isinstance(resource.get("class"), list):
        return "class", NEWER
    if kind == "Condition" and isinstance(resource.get("clinicalStatus"), str):
        return "clinicalStatus", OLDER
    if kind == "CapabilityStatement":
        number = str(resource.get("fhirVersion", "4."))
        if not number.startswith("4."):
            return "fhirVersion", NEWER if number > "4" else OLDER
    return _by_profile(resource.get("meta"))


def _by_profile(meta: Any) -> tuple[str, str] | None:
    """By the address of a profile of another version of the standard itself."""
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    for place, profile in enumerate(profiles if isinstance(profiles, list) else ()):
        if isinstance(profile, str) and profile.startswith("http://hl7.org/fhir/") and "/us/" not in profile:
            for sign, version in PROFILES.items():
                if sign in profile:
                    return f"meta.profile[{place}]", version
    return None
