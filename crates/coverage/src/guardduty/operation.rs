//! The operations this server answers, with the paths their clients use.

/// Makes the operations and the table they are found by: what a path is about stands in it as `*`, at most twice.
macro_rules! operations {
    ($($name:ident $effect:ident $method:literal $path:literal;)*) => {
        /// What is asked for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Operation {
            $(#[doc = concat!("`", stringify!($name), "`.")] $name,)*
        }

        impl Operation {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name, as in IAM's actions.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// Whether it changes anything.
            #[must_use]
            pub fn writes(self) -> bool {
                match self { $(Self::$name => operations!($effect),)* }
            }

            /// Its method and its path, from the service model.
            #[must_use]
            pub fn address(self) -> (&'static str, &'static str) {
                match self { $(Self::$name => ($method, $path),)* }
            }
        }
    };
    (reads) => { false };
    (writes) => { true };
}

operations! {
    ListCoverage reads "POST" "detector/*/coverage";
    GetCoverageStatistics reads "POST" "detector/*/coverage/statistics";
    CreateDetector writes "POST" "detector";
    ListDetectors reads "GET" "detector";
    GetDetector reads "GET" "detector/*";
    UpdateDetector writes "POST" "detector/*";
    DeleteDetector writes "DELETE" "detector/*";
    ListTagsForResource reads "GET" "tags/*";
    TagResource writes "POST" "tags/*";
    UntagResource writes "DELETE" "tags/*";
    ListFindings reads "POST" "detector/*/findings";
    GetFindings reads "POST" "detector/*/findings/get";
    GetFindingsStatistics reads "POST" "detector/*/findings/statistics";
    ArchiveFindings writes "POST" "detector/*/findings/archive";
    UnarchiveFindings writes "POST" "detector/*/findings/unarchive";
    UpdateFindingsFeedback writes "POST" "detector/*/findings/feedback";
    CreateSampleFindings writes "POST" "detector/*/findings/create";
    CreateFilter writes "POST" "detector/*/filter";
    ListFilters reads "GET" "detector/*/filter";
    GetFilter reads "GET" "detector/*/filter/*";
    UpdateFilter writes "POST" "detector/*/filter/*";
    DeleteFilter writes "DELETE" "detector/*/filter/*";
    CreateMembers writes "POST" "detector/*/member";
    ListMembers reads "GET" "detector/*/member";
    GetMembers reads "POST" "detector/*/member/get";
    DeleteMembers writes "POST" "detector/*/member/delete";
    InviteMembers writes "POST" "detector/*/member/invite";
    DisassociateMembers writes "POST" "detector/*/member/disassociate";
    StartMonitoringMembers writes "POST" "detector/*/member/start";
    StopMonitoringMembers writes "POST" "detector/*/member/stop";
    GetMemberDetectors reads "POST" "detector/*/member/detector/get";
    UpdateMemberDetectors writes "POST" "detector/*/member/detector/update";
    DescribeOrganizationConfiguration reads "GET" "detector/*/admin";
    UpdateOrganizationConfiguration writes "POST" "detector/*/admin";
    ListOrganizationAdminAccounts reads "GET" "admin";
    EnableOrganizationAdminAccount writes "POST" "admin/enable";
    DisableOrganizationAdminAccount writes "POST" "admin/disable";
    GetOrganizationStatistics reads "GET" "organization/statistics";
    GetAdministratorAccount reads "GET" "detector/*/administrator";
    AcceptAdministratorInvitation writes "POST" "detector/*/administrator";
    DisassociateFromAdministratorAccount writes "POST" "detector/*/administrator/disassociate";
    GetMasterAccount reads "GET" "detector/*/master";
    AcceptInvitation writes "POST" "detector/*/master";
    DisassociateFromMasterAccount writes "POST" "detector/*/master/disassociate";
    ListInvitations reads "GET" "invitation";
    GetInvitationsCount reads "GET" "invitation/count";
    DeclineInvitations writes "POST" "invitation/decline";
    DeleteInvitations writes "POST" "invitation/delete";
    CreateIPSet writes "POST" "detector/*/ipset";
    ListIPSets reads "GET" "detector/*/ipset";
    GetIPSet reads "GET" "detector/*/ipset/*";
    UpdateIPSet writes "POST" "detector/*/ipset/*";
    DeleteIPSet writes "DELETE" "detector/*/ipset/*";
    CreateThreatIntelSet writes "POST" "detector/*/threatintelset";
    ListThreatIntelSets reads "GET" "detector/*/threatintelset";
    GetThreatIntelSet reads "GET" "detector/*/threatintelset/*";
    UpdateThreatIntelSet writes "POST" "detector/*/threatintelset/*";
    DeleteThreatIntelSet writes "DELETE" "detector/*/threatintelset/*";
    CreateThreatEntitySet writes "POST" "detector/*/threatentityset";
    ListThreatEntitySets reads "GET" "detector/*/threatentityset";
    GetThreatEntitySet reads "GET" "detector/*/threatentityset/*";
    UpdateThreatEntitySet writes "POST" "detector/*/threatentityset/*";
    DeleteThreatEntitySet writes "DELETE" "detector/*/threatentityset/*";
    CreateTrustedEntitySet writes "POST" "detector/*/trustedentityset";
    ListTrustedEntitySets reads "GET" "detector/*/trustedentityset";
    GetTrustedEntitySet reads "GET" "detector/*/trustedentityset/*";
    UpdateTrustedEntitySet writes "POST" "detector/*/trustedentityset/*";
    DeleteTrustedEntitySet writes "DELETE" "detector/*/trustedentityset/*";
    CreatePublishingDestination writes "POST" "detector/*/publishingDestination";
    ListPublishingDestinations reads "GET" "detector/*/publishingDestination";
    DescribePublishingDestination reads "GET" "detector/*/publishingDestination/*";
    UpdatePublishingDestination writes "POST" "detector/*/publishingDestination/*";
    DeletePublishingDestination writes "DELETE" "detector/*/publishingDestination/*";
    GetUsageStatistics reads "POST" "detector/*/usage/statistics";
    GetRemainingFreeTrialDays reads "POST" "detector/*/freeTrial/daysRemaining";
}
