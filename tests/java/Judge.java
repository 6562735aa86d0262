// A foreign judge of SM2 material: BouncyCastle (Debian's libbcpkix-java), run as a single source file:
//   java -cp /usr/share/java/bcprov.jar:/usr/share/java/bcpkix.jar:/usr/share/java/bcutil.jar Judge.java LIST
// LIST holds one job a line, fields parted by a tab; one answer a line is printed, in order: "yes ..." or "no ...".
//   certificate LEAF ISSUER          the leaf's signature under the issuer's key, names and key usage as they stand
//   crl CRL ISSUER SERIALHEX         the list's signature; "revoked" or "good" for the serial number
//   ocsp RESPONSE ISSUER             the response's signature, by the issuer or a delegate that the issuer certified
//   cms CMS CONTENT|-                every signature of the message, over the content file or the content inside
//   sm2 CERTIFICATE MESSAGE VALUE    a bare SM2 signature value (DER pair) over a file, under the certificate's key
//   timestamp RESPONSE|TOKEN DATA    the token's signature and its imprint of the data
import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Collection;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.ocsp.BasicOCSPResp;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.DefaultCMSSignatureAlgorithmNameGenerator;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSignerInfoVerifierBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.tsp.TimeStampResponse;
import org.bouncycastle.tsp.TimeStampToken;

public class Judge {
    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        for (String line : Files.readAllLines(Path.of(arguments[0]))) {
            if (line.isBlank()) continue;
            try {
                System.out.println("yes " + judge(line.split("\t")));
            } catch (Throwable refusal) {
                System.out.println("no " + refusal.toString().replaceAll("\\s+", " "));
            }
        }
    }

    static String judge(String[] job) throws Exception {
        switch (job[0]) {
            case "certificate": return certificate(job[1], job[2]);
            case "crl": return crl(job[1], job[2], job[3]);
            case "ocsp": return ocsp(job[1], job[2]);
            case "cms": return cms(job[1], job[2]);
            case "sm2": return sm2(job[1], job[2], job[3]);
            case "timestamp": return timestamp(job[1], job[2]);
            default: throw new IllegalArgumentException("unknown job " + job[0]);
        }
    }

    static byte[] bytes(String path) throws Exception {
        return Files.readAllBytes(Path.of(path));
    }

    static X509Certificate read(String path) throws Exception {
        return (X509Certificate) CertificateFactory.getInstance("X.509", "BC").generateCertificate(new ByteArrayInputStream(bytes(path)));
    }

    static String certificate(String leafPath, String issuerPath) throws Exception {
        X509Certificate leaf = read(leafPath);
        X509Certificate issuer = read(issuerPath);
        leaf.verify(issuer.getPublicKey(), "BC");
        if (!leaf.getIssuerX500Principal().equals(issuer.getSubjectX500Principal())) throw new IllegalStateException("issuer name differs");
        boolean[] usage = leaf.getKeyUsage();
        return leaf.getSigAlgOID() + " " + leaf.getSerialNumber().toString(16) + " usage=" + (usage == null ? "none" : bits(usage)) + " ca=" + leaf.getBasicConstraints();
    }

    static String bits(boolean[] usage) {
        StringBuilder text = new StringBuilder();
        for (boolean bit : usage) text.append(bit ? '1' : '0');
        return text.toString();
    }

    static String crl(String path, String issuerPath, String serial) throws Exception {
        X509CRL list = (X509CRL) CertificateFactory.getInstance("X.509", "BC").generateCRL(new ByteArrayInputStream(bytes(path)));
        list.verify(read(issuerPath).getPublicKey(), "BC");
        return list.getSigAlgOID() + " " + (list.getRevokedCertificate(new BigInteger(serial, 16)) == null ? "good" : "revoked");
    }

    static String ocsp(String path, String issuerPath) throws Exception {
        OCSPResp response = new OCSPResp(bytes(path));
        if (response.getStatus() != OCSPResp.SUCCESSFUL) throw new IllegalStateException("status " + response.getStatus());
        BasicOCSPResp basic = (BasicOCSPResp) response.getResponseObject();
        X509Certificate issuer = read(issuerPath);
        X509CertificateHolder[] certificates = basic.getCerts();
        JcaContentVerifierProviderBuilder builder = new JcaContentVerifierProviderBuilder().setProvider("BC");
        boolean good = basic.isSignatureValid(builder.build(issuer));
        for (X509CertificateHolder delegate : certificates) {
            good = good || delegate.isSignatureValid(builder.build(issuer)) && basic.isSignatureValid(builder.build(delegate));
        }
        if (!good) throw new IllegalStateException("nobody whom the issuer vouches for signed this response");
        Object status = basic.getResponses()[0].getCertStatus();
        return basic.getSignatureAlgOID().getId() + " " + (status == null ? "good" : status.getClass().getSimpleName());
    }

    static String cms(String path, String contentPath) throws Exception {
        CMSSignedData message = contentPath.equals("-") ? new CMSSignedData(bytes(path)) : new CMSSignedData(new CMSProcessableByteArray(bytes(contentPath)), bytes(path));
        Collection<SignerInformation> signers = message.getSignerInfos().getSigners();
        if (signers.isEmpty()) throw new IllegalStateException("no signer");
        StringBuilder text = new StringBuilder();
        for (SignerInformation signer : signers) {
            Collection<?> found = message.getCertificates().getMatches(signer.getSID());
            X509CertificateHolder holder = (X509CertificateHolder) found.iterator().next();
            if (!signer.verify(new JcaSignerInfoVerifierBuilder(new JcaDigestCalculatorProviderBuilder().setProvider("BC").build()).setProvider("BC").setSignatureAlgorithmNameGenerator(new Gm()).build(holder))) throw new IllegalStateException("signature does not verify");
            text.append(signer.getDigestAlgOID()).append(' ').append(signer.getEncryptionAlgOID()).append(' ');
        }
        return text.toString().trim();
    }

    static String sm2(String certificatePath, String messagePath, String valuePath) throws Exception {
        java.security.Signature verifier = java.security.Signature.getInstance("SM3withSM2", "BC");
        verifier.initVerify(read(certificatePath).getPublicKey());
        verifier.update(bytes(messagePath));
        if (!verifier.verify(bytes(valuePath))) throw new IllegalStateException("signature does not verify");
        return "SM3withSM2";
    }

    /** GB/T 35275 names the signature algorithm by the key's use, SM2-1; BouncyCastle does not know that name. */
    static class Gm extends DefaultCMSSignatureAlgorithmNameGenerator {
        Gm() {
            setSigningEncryptionAlgorithmMapping(new ASN1ObjectIdentifier("1.2.156.10197.1.301.1"), "SM2");
        }
    }

    static String timestamp(String path, String dataPath) throws Exception {
        TimeStampToken token;
        try {
            TimeStampResponse response = new TimeStampResponse(bytes(path));
            token = response.getTimeStampToken();
            if (token == null) throw new IllegalStateException("response without token: " + response.getStatusString());
        } catch (org.bouncycastle.tsp.TSPException | java.io.IOException notAResponse) {
            token = new TimeStampToken(new CMSSignedData(bytes(path)));
        }
        Collection<?> found = token.getCertificates().getMatches(token.getSID());
        X509CertificateHolder holder = (X509CertificateHolder) found.iterator().next();
        token.validate(new JcaSignerInfoVerifierBuilder(new JcaDigestCalculatorProviderBuilder().setProvider("BC").build()).setProvider("BC").setSignatureAlgorithmNameGenerator(new Gm()).build(holder));
        MessageDigest digest = MessageDigest.getInstance(token.getTimeStampInfo().getMessageImprintAlgOID().getId(), "BC");
        if (!Arrays.equals(digest.digest(bytes(dataPath)), token.getTimeStampInfo().getMessageImprintDigest())) throw new IllegalStateException("imprint of other data");
        return token.getTimeStampInfo().getMessageImprintAlgOID().getId() + " " + token.getTimeStampInfo().getGenTime().toInstant();
    }
}
