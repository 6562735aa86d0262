//! What departs from the letter of the standards and is read all the same.

/// A deviation met in seals of the field; each is told on the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deviation {
    /// An encoding that is BER and not DER.
    Ber,
    /// The header names a version that fits no standard; the shape decided.
    VersionUnusual,
    /// Parts of different versions are put together.
    VersionMixed,
    /// The header does not start with "ES".
    HeaderUnusual,
    /// A string of another ASN.1 type than the standard names.
    StringType,
    /// A time of another ASN.1 type than the standard names.
    TimeType,
    /// A time without a zone; it is taken as Beijing time.
    TimeWithoutZone,
    /// A time as text.
    TimeText,
    /// An OCTET STRING where the standard has a BIT STRING, or a BIT STRING without its first octet.
    BitString,
    /// A certificate that is not wrapped in an OCTET STRING.
    CertificateWrapping,
    /// The signing information of a seal inside a BIT STRING or OCTET STRING.
    SignInfoWrapped,
    /// The seal inside an OCTET STRING.
    SealWrapped,
    /// Extensions in another wrapping than the standard's.
    ExtensionWrapping,
    /// An AlgorithmIdentifier where the standard has an OBJECT IDENTIFIER.
    AlgorithmWrapping,
    /// No kind of certificate list is named; it was told by its contents.
    ListTypeMissing,
    /// The kind of certificate list named is not that of its contents.
    ListTypeWrong,
    /// Octets follow the structure.
    TrailingOctets,
    /// The picture is of another kind than it says.
    PictureType,
    /// The picture's size in millimetres is missing, zero or beyond reason.
    PictureSize,
}

impl Deviation {
    /// In Chinese and English.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Ber => ("采用 BER 而非 DER 编码", "BER where DER is required"),
            Self::VersionUnusual => ("印章头的版本号不属于任何标准", "the version in the seal's header belongs to no standard"),
            Self::VersionMixed => ("签章与印章采用不同版本的结构", "signature and seal have structures of different versions"),
            Self::HeaderUnusual => ("印章头标识不是“ES”", "the seal's header does not say \"ES\""),
            Self::StringType => ("字符串的 ASN.1 类型与标准不同", "a string of another ASN.1 type than the standard's"),
            Self::TimeType => ("时间的 ASN.1 类型与标准不同", "a time of another ASN.1 type than the standard's"),
            Self::TimeWithoutZone => ("时间没有时区，按北京时间理解", "a time without a zone, taken as Beijing time"),
            Self::TimeText => ("时间以文本写出", "a time written as text"),
            Self::BitString => ("比特串的编码与标准不同", "a BIT STRING encoded otherwise than the standard says"),
            Self::CertificateWrapping => ("证书没有放在 OCTET STRING 中", "a certificate not wrapped in an OCTET STRING"),
            Self::SignInfoWrapped => ("印章签名信息多包了一层", "the seal's signing information is wrapped once more"),
            Self::SealWrapped => ("印章多包了一层", "the seal is wrapped once more"),
            Self::ExtensionWrapping => ("扩展数据的包装与标准不同", "extensions wrapped otherwise than the standard says"),
            Self::AlgorithmWrapping => ("算法写成 AlgorithmIdentifier 而非标识符", "an AlgorithmIdentifier where an identifier stands"),
            Self::ListTypeMissing => ("没有写明签章者证书列表的类型", "the kind of the signers' list is not named"),
            Self::ListTypeWrong => ("签章者证书列表的类型与内容不符", "the signers' list is of another kind than named"),
            Self::TrailingOctets => ("结构之后还有多余的数据", "octets follow the structure"),
            Self::PictureType => ("印章图片的实际格式与所写类型不同", "the picture is of another kind than it says"),
            Self::PictureSize => ("印章图片没有合理的毫米尺寸", "the picture has no reasonable size in millimetres"),
        }
    }
}
